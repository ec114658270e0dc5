import { type Paint, lookOfState } from './style.ts';
import { ageWords, durationWords, oneLine, sizeWords } from './words.ts';

// Tables: a column names a member of the items, and how it is shown. What an item lacks is shown as "-".

export type Item = Readonly<Record<string, unknown>>;
type Form = 'text' | 'state' | 'size' | 'age' | 'time' | 'duration' | 'count' | 'yes' | 'list';

export interface Column {
  readonly title: string;
  /** A member, or a way to one: `error.code`; or what makes the text. */
  readonly from: string | ((item: Item) => string | undefined);
  readonly form?: Form;
  /** What cannot be shown whole is worth showing in part. */
  readonly mayShrink?: boolean;
}

export interface TableWorld {
  readonly paint: Paint;
  readonly nowMs: number;
  /** undefined: as wide as it comes. */
  readonly width?: number | undefined;
}

const GAP = '  ';
const LEAST = 8;
const NOTHING = '-';

export function column(title: string, from: Column['from'], form: Form = 'text'): Column {
  return { title, from, form };
}

/** A column that gives way when the terminal is narrow. */
export function wide(title: string, from: Column['from'], form: Form = 'text'): Column {
  return { title, from, form, mayShrink: true };
}

/** The member at the end of a way like `error.code`. */
export function memberAt(item: unknown, path: string): unknown {
  let value = item;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.hasOwn(value, name) ? (value as Item)[name] : undefined;
  }
  return value;
}

export function formatCell(value: unknown, form: Form, nowMs: number): string {
  if (value === undefined || value === null || value === '') return NOTHING;
  if (form === 'yes') return value === true ? 'yes' : 'no';
  if (form === 'list' && Array.isArray(value)) return value.length === 0 ? NOTHING : value.map(String).join(', ');
  if (form === 'count') return Array.isArray(value) ? String(value.length) : Number(value).toLocaleString('en-US');
  if (form === 'size') return sizeWords(Number(value));
  if (form === 'duration') return durationWords(Number(value));
  if (form === 'age') return ageWords(Date.parse(textOf(value)), nowMs);
  return oneLine(textOf(value));
}

/** Of any value of a JSON document. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

const RIGHT: ReadonlySet<Form> = new Set(['size', 'count', 'duration', 'age']);

export function renderTable(columns: readonly Column[], items: readonly Item[], world: TableWorld): string {
  const rows = items.map((item) => columns.map((one) => cellOf(one, item, world.nowMs)));
  const widths = fit(columns, rows, world.width);
  const line = (cells: readonly string[], look: (cell: string, at: number) => string): string => {
    const padded = cells.map((cell, at) => {
      const width = widths[at] ?? cell.length;
      const shown = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
      const room = ' '.repeat(width - shown.length);
      const isRight = RIGHT.has(columns[at]?.form ?? 'text');
      return isRight ? room + look(shown, at) : look(shown, at) + (at === cells.length - 1 ? '' : room);
    });
    return padded.join(GAP);
  };
  const head = line(
    columns.map(({ title }) => title),
    (title) => world.paint('bold', title),
  );
  const body = rows.map((cells) =>
    line(cells, (cell, at) =>
      columns[at]?.form === 'state'
        ? world.paint(lookOfState(cell), cell)
        : cell === NOTHING
          ? world.paint('dim', cell)
          : cell,
    ),
  );
  return `${[head, ...body].join('\n')}\n`;
}

function cellOf({ from, form = 'text' }: Column, item: Item, nowMs: number): string {
  const value = typeof from === 'string' ? memberAt(item, from) : from(item);
  return formatCell(value, form, nowMs);
}

/** The widest column that may shrink gives way first. */
function fit(columns: readonly Column[], rows: readonly (readonly string[])[], width: number | undefined): number[] {
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((cells) => cells[at]?.length ?? 0)));
  if (width === undefined) return widths;
  const total = (): number => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  const shrinkable = columns.flatMap((each, at) => (each.mayShrink === true ? [at] : []));
  for (let over = total() - width; over > 0 && shrinkable.length > 0; over = total() - width) {
    const sorted = [...shrinkable].sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    const [widest = 0, second] = sorted;
    const now = widths[widest] ?? 0;
    const least = Math.max(LEAST, columns[widest]?.title.length ?? 0);
    if (now <= least) break;
    const nextBest = second === undefined ? least : Math.max(least, (widths[second] ?? 0) - 1);
    widths[widest] = Math.max(now - over, nextBest, least);
  }
  return widths;
}
