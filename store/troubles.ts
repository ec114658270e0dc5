import type { Job } from '../core/job.ts';
import { ENDED_STATES, type MinuteOfEnds } from '../core/ports/jobs.ts';
import { iso } from './job-codec.ts';
import { readJobs } from './job-read.ts';
import { raise, type RedisClient } from './redis.ts';

// How the last hour went: what ended, and what fails. Both come from small indexes, however many jobs there are.

const MINUTE_MS = 60_000;

/** By Redis' clock, as the scripts count. */
export async function readEndsByMinute(
  client: RedisClient,
  prefix: string,
  minutes: number,
): Promise<readonly MinuteOfEnds[]> {
  const [nowMs, counted] = await Promise.all([redisNowMs(client), client.hgetall(`${prefix}ends`).catch(raise)]);
  const last = Math.floor(nowMs / MINUTE_MS);
  return Array.from({ length: minutes }, (_, index) => {
    const minute = last - minutes + 1 + index;
    const counts = ENDED_STATES.map((state) => [state, Number(counted[`${minute}|${state}`] ?? '0')] as const);
    return { at: iso(minute * MINUTE_MS), ...(Object.fromEntries(counts) as Omit<MinuteOfEnds, 'at'>) };
  });
}

/** Those that wait take half of the places at most, so that many of the one do not hide the other. */
export async function readFailing(
  client: RedisClient,
  prefix: string,
  { sinceMs, limit }: { readonly sinceMs: number; readonly limit: number },
): Promise<readonly Job[]> {
  const nowMs = await redisNowMs(client);
  const [dead, later] = await Promise.all([
    client.zrange(`${prefix}dead`, '+inf', String(sinceMs), 'BYSCORE', 'REV', 'LIMIT', 0, limit).catch(raise),
    // An entry of a time to come is that of another attempt. Some of them wait for no failure, so a few more are looked at.
    client.zrange(`${prefix}ready`, `(${nowMs}`, '+inf', 'BYSCORE', 'LIMIT', 0, 4 * limit).catch(raise),
  ]);
  const [died, waiting] = await Promise.all([readJobs(client, prefix, dead), readJobs(client, prefix, later)]);
  const retried = waiting.filter(({ state, error, retryAt }) => {
    return state === 'waiting' && retryAt !== undefined && error !== undefined && error.code !== 'not-yet';
  });
  const shown = retried.slice(0, Math.max(Math.ceil(limit / 2), limit - died.length));
  return [...died.slice(0, limit - shown.length), ...shown];
}

async function redisNowMs(client: RedisClient): Promise<number> {
  const [seconds, micros] = await client.time().catch(raise);
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}
