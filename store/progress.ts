import type { JobId } from '../core/ids.ts';
import type { JobProgress } from '../core/job.ts';
import { raise, type RedisClient } from './redis.ts';

// How far jobs under way are. No claim is shown and none is needed: it is for people who watch, and is forgotten by itself.

const KEPT_MS = 60_000;

export function showProgress(client: RedisClient, prefix: string, id: JobId, progress: JobProgress): void {
  client.set(`${prefix}progress:${id}`, JSON.stringify(progress), 'PX', KEPT_MS).catch(() => undefined);
}

export async function readProgress(
  client: RedisClient,
  prefix: string,
  ids: readonly JobId[],
): Promise<ReadonlyMap<JobId, JobProgress>> {
  if (ids.length === 0) return new Map();
  const found = await client.mget(ids.map((id) => `${prefix}progress:${id}`)).catch(raise);
  return new Map(
    ids.flatMap((id, at): [JobId, JobProgress][] => {
      const text = found[at];
      return text === null || text === undefined ? [] : [[id, JSON.parse(text) as JobProgress]];
    }),
  );
}
