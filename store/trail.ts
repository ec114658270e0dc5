import type { JsonObject } from '../core/job.ts';
import type { TrailEntry, Trails } from '../core/ports/trail.ts';
import { iso } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';

const KEPT = 500;
const KEPT_MS = 7 * 24 * 3_600_000;

export function createTrails(client: RedisClient, prefix: string): Trails {
  return {
    add(id, entries) {
      if (entries.length === 0) return;
      const key = `${prefix}trail:${id}`;
      client
        .pipeline()
        .rpush(key, ...entries.slice(-KEPT).map(encodeEntry))
        .ltrim(key, -KEPT, -1)
        .pexpire(key, KEPT_MS)
        .exec()
        .catch(() => undefined);
    },
    async read(id) {
      const entries = await client.lrange(`${prefix}trail:${id}`, 0, -1).catch(raise);
      return entries.map(decodeEntry);
    },
  };
}

/** Without the names of the members, which would be most of it: there are many entries. A call has a duration, a line a level. */
type Encoded = readonly [
  atMs: number,
  name: string,
  attempt: number,
  step: string,
  measure: number | string,
  data?: JsonObject,
];

function encodeEntry({ at, name, attempt, step = '', durationMs, level, data }: TrailEntry): string {
  const head = [Date.parse(at), name, attempt, step, durationMs ?? level ?? ''] as const;
  const entry: Encoded = data === undefined ? head : [...head, data];
  return JSON.stringify(entry);
}

function decodeEntry(text: string): TrailEntry {
  const [atMs, name, attempt, step, measure, data] = JSON.parse(text) as Encoded;
  return {
    at: iso(atMs),
    ...(typeof measure === 'number' ? { type: 'call', durationMs: measure } : { type: 'log', level: measure }),
    name,
    attempt,
    ...(step === '' ? {} : { step }),
    ...(data === undefined ? {} : { data }),
  };
}
