import type { Logger } from 'pino';
import type { Upkeep } from '../core/ports/leader.ts';
import { regroup } from './dead-groups.ts';
import { IDEMPOTENCY_MS } from './jobs.ts';
import type { RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

const SWEEP_AT_ONCE = 1_000;
const TRIM_AT_ONCE = 1_000;

export function createUpkeep(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly historyJobs: number;
  readonly logger: Logger;
}): Upkeep {
  const { client, prefix, scripts, historyJobs, logger } = parts;
  return {
    async sweep(entryAgeMs) {
      const lost = Number(await scripts.run('sweep', `${prefix}ready`, [entryAgeMs, SWEEP_AT_ONCE]));
      if (lost > 0) logger.warn({ jobs: lost }, 'made lost entries again');
      await regroup({ client, prefix, scripts });
      return lost;
    },
    async trim() {
      return Number(await scripts.run('trim', `${prefix}jobs`, [historyJobs, TRIM_AT_ONCE, IDEMPOTENCY_MS]));
    },
  };
}
