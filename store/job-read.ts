import type { JobId } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import { decodeStored } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';

/** In the order of the ids; those that are gone are left out. */
export async function readJobs(client: RedisClient, prefix: string, ids: readonly string[]): Promise<readonly Job[]> {
  if (ids.length === 0) return [];
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hgetall(`${prefix}job:${id}`);
  const replies = (await pipeline.exec().catch(raise)) ?? [];
  return ids.flatMap((id, at) => {
    const job = decodeStored(id as JobId, (replies[at]?.[1] ?? {}) as Record<string, string>);
    return job === undefined ? [] : [job];
  });
}
