import type { QueueFigures } from '../core/ports/jobs.ts';
import type { RecordType } from '../core/record.ts';
import { JOB_STATES, type JobState } from '../core/states.ts';
import type { Entries } from './entries.ts';
import { recordIndex } from './keys.ts';
import { asRedisError, type RedisClient } from './redis.ts';
import { createStanding } from './standing.ts';

const COUNTED: readonly RecordType[] = ['volume', 'image', 'layer', 'container', 'host', 'store', 'stray'];

/** The bounds that lib.lua counts by. */
const BUCKETS_MS = [10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000] as const;

export function createFigures(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly entries: Entries;
  readonly lanes: readonly string[];
}): () => Promise<QueueFigures> {
  const { client, prefix, entries, lanes } = parts;
  const standing = createStanding({ client, prefix, lanes });
  return async () => {
    try {
      const now = Date.now();
      const states = Object.keys(JOB_STATES) as readonly JobState[];
      const [counts, stats, oldestDead, depths, records, stands] = await Promise.all([
        Promise.all(states.map(async (state) => [state, await client.zcard(`${prefix}jobs:state:${state}`)] as const)),
        client.hgetall(`${prefix}stats`),
        client.zrange(`${prefix}dead`, '0', '0', 'WITHSCORES'),
        Promise.all(lanes.map(async (lane) => ({ lane, ...(await entries.depths(lane)) }))),
        Promise.all(
          COUNTED.map(async (type) => ({ type, count: await client.zcard(`${prefix}${recordIndex(type)}`) })),
        ),
        standing(now),
      ]);
      const age = (scored: readonly string[]): number =>
        scored[1] === undefined ? 0 : Math.max(0, now - Number(scored[1]));
      return {
        byState: Object.fromEntries(counts) as Record<JobState, number>,
        lanes: depths,
        oldestDeadAgeMs: age(oldestDead),
        records,
        ...stands,
        ended: decodeStats(stats),
      };
    } catch (error) {
      throw asRedisError(error);
    }
  };
}

function decodeStats(stats: Readonly<Record<string, string>>): QueueFigures['ended'] {
  const slots = Object.keys(stats).filter((field) => field.endsWith('|sum'));
  return slots.map((field) => {
    const [kind = '', outcome = ''] = field.split('|');
    const value = (name: string): number => Number(stats[`${kind}|${outcome}|${name}`] ?? '0');
    let sum = 0;
    const buckets = BUCKETS_MS.map((leMs) => {
      sum += value(`le${leMs}`);
      return { leMs, count: sum };
    });
    return { kind, outcome, count: sum + value('leinf'), durationMsSum: value('sum'), buckets };
  });
}
