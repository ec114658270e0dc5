import { z } from 'zod';
import type { Client, Query } from './client.ts';
import { option, type Run } from './command.ts';
import { usageFailure } from './failure.ts';
import type { Column, Item } from './output/table.ts';

// Listings of the API: pages by cursor, told as one table or as one JSON document.

const MOST_OF_A_PAGE = 200;
const DEFAULT_LIMIT = 50;

export const itemSchema = z.record(z.string(), z.unknown());
const pageSchema = z.looseObject({ items: z.array(itemSchema), next: z.string().optional() });

export const pageOptions = () => [
  option('-n, --limit <count>', `at most so many (${DEFAULT_LIMIT})`),
  option('--all', 'all there are'),
  option('--cursor <cursor>', 'from here on: `next` of an earlier answer'),
];

/** Everything of a listing, up to the limit; pages may be short, even empty, and not be the last. */
async function readList(
  run: Run,
  path: string,
  query: Query,
): Promise<{ readonly items: readonly Item[]; readonly next?: string }> {
  const limit = run.options.flag('all') ? Number.POSITIVE_INFINITY : (run.options.number('limit') ?? DEFAULT_LIMIT);
  if (limit < 1) throw usageFailure('--limit wants a number from 1');
  const items: Item[] = [];
  let cursor = run.options.text('cursor');
  for (;;) {
    const page = pageSchema.parse(
      await run.client.get(
        path,
        {
          ...query,
          limit: Math.min(MOST_OF_A_PAGE, limit - items.length),
          ...(cursor === undefined ? {} : { cursor }),
        },
        run.io.interrupted,
      ),
    );
    items.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) return { items };
    if (items.length >= limit) return { items, next: cursor };
  }
}

/** All items of a listing, for looking something up. */
export async function readEvery(client: Client, path: string, signal?: AbortSignal): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { limit: MOST_OF_A_PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = pageSchema.parse(await client.get(path, query, signal));
    items.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) return items;
  }
}

export interface Listing {
  readonly path: string;
  readonly query?: Query;
  readonly columns: readonly Column[];
  /** What there is none of, in the plural. */
  readonly nouns: string;
  /** The API gives all at once, and takes no limit. */
  readonly isWhole?: boolean;
}

export async function showList(
  run: Run,
  { path, query = {}, columns, nouns, isWhole = false }: Listing,
): Promise<void> {
  const page = isWhole ? pageSchema.parse(await run.client.get(path, query)) : await readList(run, path, query);
  if (run.out.isJson) {
    run.out.json(page);
    return;
  }
  if (page.items.length === 0) {
    run.out.note(`No ${nouns}.`);
    return;
  }
  run.out.table(columns, page.items);
  if (page.next !== undefined)
    run.out.note(`There are more ${nouns}: --all shows them, or --limit with a larger number.`);
}

export async function showOne(run: Run, path: string, arrange: (item: Item) => Item = (item) => item): Promise<void> {
  const item = itemSchema.parse(await run.client.get(path));
  if (run.out.isJson) run.out.json(item);
  else run.out.detail(arrange(item));
}

/** A name as one segment of a path. */
export function segment(name: string): string {
  if (name === '') throw usageFailure('a name is missing');
  return encodeURIComponent(name).replace(/^\.+$/, (dots) => dots.replaceAll('.', '%2E'));
}
