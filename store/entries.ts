import { Queue } from 'bullmq';
import type { RedisClient } from './redis.ts';

export const CANARY = 'canary';

/** BullMQ's queues, as far as nobody consumes them. The entries of jobs are added by the scripts that make jobs ready (lib.lua). */
export interface Entries {
  addCanary(lane: string, nonce: string): Promise<void>;
  /** The queue itself, for those who look into it. */
  queueOf(lane: string): Queue;
  depths(lane: string): Promise<{ readonly ready: number; readonly running: number }>;
  close(): Promise<void>;
}

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
    queueOf,
    async addCanary(lane, nonce) {
      await queueOf(lane).add(CANARY, {}, { jobId: `${CANARY}-${nonce}`, lifo: true });
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
