import { Queue } from 'bullmq';
import type { JobId } from '../core/ids.ts';
import type { RedisClient } from './redis.ts';

/** A job that should have an entry now, as the scripts say. */
export interface Wake {
  readonly id: JobId;
  readonly lane: string;
  readonly count: number;
  readonly delayMs: number;
}

/** @param from the index in the reply at which the wakes begin, four texts each */
export function parseWakes(reply: readonly string[], from: number): readonly Wake[] {
  const wakes: Wake[] = [];
  for (let at = from; at + 3 < reply.length; at += 4) {
    wakes.push({
      id: reply[at] as JobId,
      lane: reply[at + 1] ?? '',
      count: Number(reply[at + 2]),
      delayMs: Number(reply[at + 3]),
    });
  }
  return wakes;
}

export const CANARY = 'canary';

/**
 * Adds entries to BullMQ's queues. An entry that is not added (this process dies here) is found missing by the leader's sweep and
 * made again; one that is added twice has one id and is one entry.
 */
export interface Entries {
  add(wakes: readonly Wake[]): Promise<void>;
  addCanary(lane: string, nonce: string): Promise<void>;
  depths(lane: string): Promise<{ readonly ready: number; readonly running: number }>;
  close(): Promise<void>;
}

const OPTIONS = { removeOnComplete: true, removeOnFail: true } as const;

export function createEntries(connection: RedisClient, prefix: string): Entries {
  const queues = new Map<string, Queue>();
  const queueOf = (lane: string): Queue => {
    const known = queues.get(lane);
    if (known !== undefined) return known;
    const queue = new Queue(lane, { connection, prefix, skipMetasUpdate: true });
    queue.on('error', () => undefined);
    queues.set(lane, queue);
    return queue;
  };
  return {
    async add(wakes) {
      await Promise.all(
        wakes.map((wake) =>
          queueOf(wake.lane).add(
            'job',
            {},
            {
              ...OPTIONS,
              jobId: `${wake.id}.${wake.count}`,
              ...(wake.delayMs > 0 ? { delay: wake.delayMs } : {}),
            },
          ),
        ),
      );
    },
    async addCanary(lane, nonce) {
      await queueOf(lane).add(CANARY, {}, { ...OPTIONS, jobId: `${CANARY}-${nonce}`, lifo: true });
    },
    async depths(lane) {
      const counts = await queueOf(lane).getJobCounts('wait', 'prioritized', 'active');
      return { ready: (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0), running: counts['active'] ?? 0 };
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
