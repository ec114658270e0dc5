import { formatCell, type Item, type TableWorld, textOf } from './table.ts';
import { lookOfState } from './style.ts';
import { harmless, sizeWords } from './words.ts';

// One thing whole: a line for each member, those of members indented. Nothing that the API tells is left out.

const STATES = new Set(['state', 'status', 'outcome', 'connection']);
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

export function renderDetail(item: Item, world: TableWorld): string {
  return linesOf(item, world, '').join('');
}

function linesOf(item: Item, world: TableWorld, indent: string): string[] {
  const shown = Object.entries(item).filter(([, value]) => value !== undefined);
  const width = Math.min(24, Math.max(0, ...shown.map(([name]) => name.length)) + 1);
  return shown.flatMap(([name, value]) => {
    const label = `${indent}${world.paint('dim', `${harmless(name)}:`.padEnd(width))} `;
    if (isEmpty(value)) return [`${label}${world.paint('dim', '-')}\n`];
    if (Array.isArray(value)) return listOf(label, value, world, indent);
    if (typeof value === 'object' && value !== null) {
      return [`${label.trimEnd()}\n`, ...linesOf(value as Item, world, `${indent}  `)];
    }
    return [`${label}${plain(name, value, world)}\n`];
  });
}

function listOf(label: string, values: readonly unknown[], world: TableWorld, indent: string): string[] {
  const areShort = values.every((each) => typeof each !== 'object' && textOf(each).length < 80);
  const joined = values.map(textOf).join(', ');
  if (areShort && joined.length < 80) return [`${label}${harmless(joined)}\n`];
  return [
    `${label.trimEnd()}\n`,
    ...values.flatMap((each) => {
      if (typeof each !== 'object' || each === null) return [`${indent}  - ${harmless(textOf(each))}\n`];
      const [first = '', ...rest] = linesOf(each as Item, world, `${indent}    `);
      return [`${indent}  - ${first.trimStart()}`, ...rest];
    }),
  ];
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function plain(name: string, value: unknown, world: TableWorld): string {
  const text = harmless(textOf(value));
  if (typeof value === 'number' && name.endsWith('Bytes')) return `${text} (${sizeWords(value)})`;
  if (typeof value === 'string' && TIME.test(value)) {
    const isPast = Date.parse(value) <= world.nowMs;
    return isPast ? `${text} ${world.paint('dim', `(${formatCell(value, 'age', world.nowMs)} ago)`)}` : text;
  }
  return STATES.has(name) ? world.paint(lookOfState(text), text) : text;
}
