import type { Logger } from 'pino';
import type { Upkeep } from '../core/ports/leader.ts';
import { type Entries, parseWakes } from './entries.ts';
import { IDEMPOTENCY_MS } from './jobs.ts';
import { replyOf, type Scripts } from './scripts.ts';

const SWEEP_AT_ONCE = 1_000;
const TRIM_AT_ONCE = 1_000;

export function createUpkeep(parts: {
  readonly prefix: string;
  readonly bullPrefix: string;
  readonly scripts: Scripts;
  readonly entries: Entries;
  readonly historyJobs: number;
  readonly logger: Logger;
}): Upkeep {
  const { prefix, bullPrefix, scripts, entries, historyJobs, logger } = parts;
  return {
    async sweep(entryAgeMs) {
      const wakes = parseWakes(
        replyOf(await scripts.run('sweep', `${prefix}ready`, [bullPrefix, entryAgeMs, SWEEP_AT_ONCE])),
        0,
      );
      if (wakes.length > 0) logger.warn({ jobs: wakes.length }, 'made lost entries again');
      await entries.add(wakes);
      return wakes.length;
    },
    async trim() {
      return Number(await scripts.run('trim', `${prefix}jobs`, [historyJobs, TRIM_AT_ONCE, IDEMPOTENCY_MS]));
    },
  };
}
