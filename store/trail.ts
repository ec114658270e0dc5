import type { TrailEntry, Trails } from '../core/ports/trail.ts';
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
        .rpush(key, ...entries.slice(-KEPT).map((entry) => JSON.stringify(entry)))
        .ltrim(key, -KEPT, -1)
        .pexpire(key, KEPT_MS)
        .exec()
        .catch(() => undefined);
    },
    async read(id) {
      const entries = await client.lrange(`${prefix}trail:${id}`, 0, -1).catch(raise);
      return entries.map((text) => JSON.parse(text) as TrailEntry);
    },
  };
}
