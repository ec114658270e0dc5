import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// The scripts write BullMQ's entries themselves: what they write is what BullMQ would.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const PREFIX = '{bed}:bull';

/** What a queue is made of, without what nobody reads: the stream of BullMQ's events, its counter of ids, its settings. */
async function contentsOf(redis: Redis, queue: string, ids: readonly string[]): Promise<unknown> {
  const top = `${PREFIX}:${queue}:`;
  const names = (await redis.keys(`${top}*`)).map((key) => key.slice(top.length));
  return {
    keys: names
      .filter((name) => !['events', 'id', 'meta'].includes(name))
      .map((name) => (ids.includes(name) ? `entry ${ids.indexOf(name)}` : name))
      .toSorted(),
    wait: (await redis.lrange(`${top}wait`, 0, -1)).map((id) => ids.indexOf(id)),
    marker: await redis.zrange(`${top}marker`, '0', '-1', 'WITHSCORES'),
    entries: await Promise.all(ids.map((id) => entryOf(redis, top + id))),
  };
}

/** BullMQ's repeats its id among the options. */
async function entryOf(redis: Redis, key: string): Promise<unknown> {
  const { timestamp, opts, ...fields } = await redis.hgetall(key);
  const { jobId: _, ...options } = JSON.parse(opts ?? '') as Record<string, unknown>;
  return { ...fields, options, hasTimestamp: Math.abs(Number(timestamp) - Date.now()) < 60_000 };
}

describe.for(SERVERS.filter((server) => server.path !== undefined))('entries on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  it('an entry is as BullMQ makes it, in the order of submission', async () => {
    const queue = new Queue('by-bullmq', { connection: bed.redis.duplicate(), prefix: PREFIX, skipMetasUpdate: true });
    const made = [await queue.add('job', {}, { jobId: 'one.1' }), await queue.add('job', {}, { jobId: 'two.1' })];
    const lane = 'by-scripts';
    const jobs = await Promise.all([bed.submit([], { lane }), bed.submit(['entry'], { lane })]);
    const ours = await contentsOf(
      bed.redis,
      lane,
      jobs.map((id) => `${id}.1`),
    );
    expect(ours).toEqual(
      await contentsOf(
        bed.redis,
        'by-bullmq',
        made.map(({ id }) => id ?? ''),
      ),
    );
    expect(ours).toMatchObject({ wait: [1, 0], marker: ['0', '0'] });
    await queue.close();
  });

  it('a job is never without the entry that is due to it', async () => {
    const line = 'moving';
    const [first, second] = [await bed.submit([line]), await bed.submit([line])];
    expect(await bed.hasEntry(first)).toBe(true);
    expect(await bed.hasEntry(second)).toBe(false);
    await bed.succeed(first);
    expect(await bed.hasEntry(second)).toBe(true);
    await bed.succeed(second);
    expect(await bed.store.upkeep.sweep(0)).toBe(0);
  });

  it('jobs that are submitted, claimed and ended at once are told one from another', async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `at-once-${index}`);
    const before = (await bed.store.jobs.figures()).byState.succeeded;
    const ids = await Promise.all(lines.map((line) => bed.submit([line], { payload: { line } })));
    const claims = await Promise.all(ids.map((id) => bed.claim(id)));
    expect(claims.map(({ job }) => job.payload)).toEqual(lines.map((line) => ({ line })));
    const lost = { ...claims[0], epoch: 1 } as (typeof claims)[0];
    const ends = [lost, ...claims].map((claim) =>
      bed.store.claims.commit(claim, { end: { state: 'succeeded', result: {} } }),
    );
    const settled = await Promise.allSettled(ends);
    expect(settled.filter(({ status }) => status === 'rejected')).toMatchObject([{ reason: { code: 'claim-lost' } }]);
    expect((await bed.store.jobs.figures()).byState.succeeded).toBe(before + ids.length);
  });
});
