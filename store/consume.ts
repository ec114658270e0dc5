import { DelayedError, type Job as BullJob, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { JobId } from '../core/ids.ts';
import type { Consumer, Entry, EntrySource, EntryVerdict } from '../core/ports/entries.ts';
import { CANARY } from './entries.ts';
import { answerCanary, type CanaryReport } from './health.ts';
import type { RedisClient } from './redis.ts';

/** How often an entry may stall is bounded by our own record (losses), not by BullMQ, which would drop it. */
const STALLS_WITHOUT_END = 1_000_000;

/** A wake-up may go to a worker that hangs, and be lost with it: so often an idle worker looks by itself. */
const LOOK_S = 2;

export interface ConsumeParts {
  readonly client: RedisClient;
  /** BullMQ blocks on a connection of its own, which it makes as a copy of this one. */
  readonly connection: RedisClient;
  readonly prefix: string;
  readonly bullPrefix: string;
  readonly logger: Logger;
}

export function createEntrySource(parts: ConsumeParts): EntrySource {
  let report: (() => Promise<CanaryReport>) | undefined;
  return {
    onCanary(next) {
      report = next;
    },
    async consume(lane, options, handle) {
      const locks = new Map<string, AbortController>();
      const worker = new Worker(
        lane,
        // Three parameters: BullMQ looks at their number. The token proves the lock when the entry is moved.
        async (bullJob: BullJob, token?: string) => {
          if (bullJob.name === CANARY) return answerCanary(parts.client, parts.prefix, bullJob.id ?? '', report);
          return handleEntry({ bullJob, token, handle, locks, lockMs: options.lockMs });
        },
        {
          connection: parts.connection,
          prefix: parts.bullPrefix,
          concurrency: options.concurrency,
          lockDuration: options.lockMs,
          drainDelay: LOOK_S,
          stalledInterval: Math.max(250, Math.floor(options.lockMs / 2)),
          maxStalledCount: STALLS_WITHOUT_END,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
          skipVersionCheck: false,
        },
      );
      worker.on('error', (error) => parts.logger.debug({ reason: error.message, lane }, 'queue connection'));
      worker.on('lockRenewalFailed', (ids: readonly string[]) => {
        for (const id of ids) locks.get(id)?.abort();
      });
      await worker.waitUntilReady();
      return consumerOf(worker);
    },
  };
}

async function handleEntry(run: {
  readonly bullJob: BullJob;
  readonly token: string | undefined;
  readonly handle: (entry: Entry) => Promise<EntryVerdict>;
  readonly locks: Map<string, AbortController>;
  readonly lockMs: number;
}): Promise<void> {
  const { bullJob, token, handle, locks, lockMs } = run;
  const name = bullJob.id ?? '';
  const lock = new AbortController();
  locks.set(name, lock);
  try {
    const at = name.lastIndexOf('.');
    const verdict = await handle({
      id: name.slice(0, at) as JobId,
      wake: Number(name.slice(at + 1)),
      lockLost: lock.signal,
      lockMs,
    });
    if (verdict === 'done') return;
    await bullJob.moveToDelayed(Date.now() + verdict.delayMs, token);
    throw new DelayedError();
  } finally {
    locks.delete(name);
  }
}

function consumerOf(worker: Worker): Consumer {
  return {
    async close(graceMs) {
      const { promise: late, resolve } = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => resolve('late'), graceMs);
      const outcome = await Promise.race([worker.close().then(() => 'closed' as const), late]);
      clearTimeout(timer);
      if (outcome === 'late') await worker.close(true);
    },
  };
}
