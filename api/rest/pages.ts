import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { Page, PageRequest } from '../../core/ports/jobs.ts';
import { pathOf } from './problems.ts';

// Listings: `limit`, an opaque `cursor`, and the way on as `next` in the body and as `Link: rel="next"`.

const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
/** How far one request looks through a store that cannot filter. What lies beyond is on the next page. */
const MAX_ROUNDS = 10;
const ROUND = 500;
const ANY_CURSOR = /^.{1,1000}$/u;

/** A number as a parameter: digits only. */
export function wholeNumber(least: number, most: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.number(`must be a whole number from ${least} to ${most}`).int().min(least).max(most),
  );
}

/** A time as a parameter, RFC 3339; an offset other than Z is written with `%2B` for its plus. */
export const moment = z.iso.datetime({
  offset: true,
  error: 'must be a date-time of RFC 3339, e.g. 2026-11-29T12:00:00Z',
});

/** A moment before 1970 is 1970: nothing was. */
export function msOf(time: string): number {
  return Math.max(0, Date.parse(time));
}

export const pageQuery = {
  limit: wholeNumber(1, MAX_PAGE).default(DEFAULT_PAGE).describe('The most items to return'),
  cursor: z
    .string()
    .min(1)
    .max(2_000)
    .meta({ pattern: '^[A-Za-z0-9_-]+$', description: '`next` of the page before' })
    .optional(),
};

type PageQuery = { readonly limit: number; readonly cursor?: string | undefined };

/** The body of a listing. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    next: z.string().optional().describe('The cursor of the next page; absent on the last'),
  });
}

/** What a store's listing is asked for; `shape` is that of the store's own cursors. @throws StowageError `cursor-invalid` for one that is not of this listing */
export function pageRequest(query: PageQuery, filter: object, shape = ANY_CURSOR): PageRequest {
  if (query.cursor === undefined) return { limit: query.limit };
  const text = Buffer.from(query.cursor, 'base64url').toString('utf8');
  const seal = sealOf(filter);
  const inner = text.slice(seal.length + 1);
  if (sealed(seal, inner) !== query.cursor || !shape.test(inner)) {
    throw new StowageError('cursor-invalid', 'the cursor is not one of this listing with these filters', {
      fields: [{ pointer: 'cursor', detail: 'is not the `next` of this listing' }],
    });
  }
  return { limit: query.limit, cursor: inner };
}

/** A store's page as a body, with the link to the next one. */
export function renderPage<T, V>(
  reply: FastifyReply,
  page: Page<T>,
  filter: object,
  render: (item: T) => V,
): { items: V[]; next?: string } {
  const items = page.items.map(render);
  if (page.next === undefined) return { items };
  const next = sealed(sealOf(filter), page.next);
  const search = new URL(reply.request.url, 'http://localhost').searchParams;
  search.set('cursor', next);
  reply.header('link', `<${pathOf(reply.request)}?${search.toString()}>; rel="next"`);
  return { items, next };
}

/**
 * A page of those items that match, from a store that cannot filter. It may be short, even empty, and not be the last.
 * @param cursorOf with which the store goes on after an item
 */
export async function filteredPage<T>(
  read: (page: PageRequest) => Promise<Page<T>>,
  request: PageRequest,
  { matches, cursorOf }: { readonly matches: (item: T) => boolean; readonly cursorOf: (item: T) => string },
): Promise<Page<T>> {
  const items: T[] = [];
  let cursor = request.cursor;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (items.length === request.limit) break;
    // Where all match, one read is enough; where few do, small ones would be many.
    const limit = round === 0 ? request.limit : Math.max(ROUND, request.limit);
    const page = await read({ limit, ...(cursor === undefined ? {} : { cursor }) });
    for (const item of page.items.filter(matches)) {
      const last = items.at(-1);
      if (items.length === request.limit && last !== undefined) return { items, next: cursorOf(last) };
      items.push(item);
    }
    cursor = page.next;
    if (cursor === undefined) break;
  }
  return { items, ...(cursor === undefined ? {} : { next: cursor }) };
}

/** Ties a cursor to its listing: with other filters it would skip what it never showed. */
function sealOf(filter: object): string {
  return createHash('sha256').update(JSON.stringify(filter)).digest('base64url').slice(0, 8);
}

function sealed(seal: string, cursor: string): string {
  return Buffer.from(`${seal}.${cursor}`).toString('base64url');
}
