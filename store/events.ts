import { compareEventIds, type EventType, type StowageEvent } from '../core/events.ts';
import type { JsonObject } from '../core/job.ts';
import type { EventStore, Page } from '../core/ports/jobs.ts';
import { iso } from './job-codec.ts';
import { asRedisError, raise, type RedisClient } from './redis.ts';

const BATCH = 200;
const BLOCK_MS = 5_000;
const RETRY_MS = 500;
/** How many events one listing looks at when few are of its subject or types. */
const SCAN_LIMIT = 5_000;
const SCAN_STEP = 1_000;

export type StreamEntry = readonly [id: string, fields: readonly string[]];

export function decodeEvent(entry: StreamEntry): StowageEvent {
  const [id] = entry;
  return {
    id,
    time: iso(Number(id.split('-')[0])),
    type: fieldOf(entry, 'type') as EventType,
    subject: fieldOf(entry, 'subject'),
    data: JSON.parse(fieldOf(entry, 'data')) as JsonObject,
  };
}

function fieldOf([, flat]: StreamEntry, name: 'type' | 'subject' | 'data'): string {
  for (let at = 0; at + 1 < flat.length; at += 2) if (flat[at] === name) return flat[at + 1] ?? '';
  return '';
}

/** @param openBlocking makes a connection of its own for a reader that blocks; the caller's reader closes it */
export function createEventStore(client: RedisClient, prefix: string, openBlocking: () => RedisClient): EventStore {
  const stream = `${prefix}events`;
  return {
    async *follow(after, signal) {
      // "$" is made a real id at once: between two blocking reads nothing may be missed.
      const from = after === '$' ? await lastId(client, stream) : after;
      for await (const batch of followStream(openBlocking, stream, from, signal)) yield* batch;
    },
    async list(page): Promise<Page<StowageEvent>> {
      const { subject, types } = page;
      const isOpen = subject !== undefined || types !== undefined;
      const step = isOpen ? Math.max(page.limit + 1, SCAN_STEP) : page.limit + 1;
      const items: StowageEvent[] = [];
      let from = page.cursor === undefined ? '+' : `(${page.cursor}`;
      for (let looked = 0; looked < SCAN_LIMIT; looked += step) {
        const entries = (await client
          .xrevrange(stream, from, '-', 'COUNT', step)
          .catch(raise)) as readonly StreamEntry[];
        for (const entry of entries) {
          if (subject !== undefined && fieldOf(entry, 'subject') !== subject) continue;
          if (types !== undefined && !types.includes(fieldOf(entry, 'type') as EventType)) continue;
          if (items.length === page.limit) return { items, next: items.at(-1)?.id ?? entry[0] };
          items.push(decodeEvent(entry));
        }
        if (entries.length < step) return { items };
        from = `(${entries.at(-1)?.[0] ?? ''}`;
      }
      return { items, next: from.slice(1) };
    },
    about: (subject, when) => readAbout(client, stream, { subject, ...when }),
  };
}

/** An event is told in the same moment as what it tells of; clocks may differ by a little. */
const AROUND_MS = 1_000;
const NEAR_MS = 20;
/** How many events one look at the stream reads at most, around all times together. */
const ABOUT_LIMIT = 1_500;
const LATEST = 2_000;

async function readAbout(
  client: RedisClient,
  stream: string,
  {
    subject,
    timesMs,
    andLatest,
  }: { readonly subject: string; readonly timesMs: readonly number[]; readonly andLatest: boolean },
): Promise<readonly StowageEvent[]> {
  const reads = client.pipeline();
  const count = Math.max(50, Math.floor(ABOUT_LIMIT / Math.max(1, 2 * timesMs.length)));
  for (const at of timesMs) {
    // From just before it on, and backwards from just behind it: at busy times the moment itself is found all the same.
    reads.xrange(stream, Math.max(0, at - NEAR_MS), at + AROUND_MS, 'COUNT', count);
    reads.xrevrange(stream, at + NEAR_MS, Math.max(0, at - AROUND_MS), 'COUNT', count);
  }
  if (andLatest) reads.xrevrange(stream, '+', '-', 'COUNT', LATEST);
  const replies = (await reads.exec().catch(raise)) ?? [];
  const found = new Map<string, StowageEvent>();
  for (const entry of replies.flatMap(([, entries]) => entries as readonly StreamEntry[])) {
    if (fieldOf(entry, 'subject') === subject) found.set(entry[0], decodeEvent(entry));
  }
  return [...found.values()].toSorted((a, b) => compareEventIds(a.id, b.id));
}

/** Batches of events after an id, oldest first, until the signal fires. */
export async function* followStream(
  openBlocking: () => RedisClient,
  stream: string,
  after: string,
  signal: AbortSignal,
): AsyncGenerator<readonly StowageEvent[], void> {
  const reader = openBlocking();
  const stop = (): void => reader.disconnect();
  signal.addEventListener('abort', stop, { once: true });
  try {
    let last = after;
    while (!signal.aborted) {
      const entries = await readAfter(reader, stream, last, signal);
      last = entries.at(-1)?.[0] ?? last;
      if (entries.length > 0) yield entries.map(decodeEvent);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reader.disconnect();
  }
}

async function lastId(client: RedisClient, stream: string): Promise<string> {
  const newest = (await client.xrevrange(stream, '+', '-', 'COUNT', 1).catch(raise)) as readonly StreamEntry[];
  return newest[0]?.[0] ?? '0-0';
}

/** Events after an id, or none when none came within the blocking time or Redis was away for a moment. */
async function readAfter(
  reader: RedisClient,
  stream: string,
  last: string,
  signal: AbortSignal,
): Promise<readonly StreamEntry[]> {
  try {
    const reply = await reader.xread('COUNT', BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', stream, last);
    return entriesOf(reply);
  } catch (error) {
    if (signal.aborted) return [];
    if (reader.status === 'end') throw asRedisError(error);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    return [];
  }
}

function entriesOf(reply: unknown): readonly StreamEntry[] {
  const streams = (reply ?? []) as readonly (readonly [string, readonly StreamEntry[]])[];
  return streams[0]?.[1] ?? [];
}
