import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { QueueFigures } from '../../core/ports/jobs.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// The figures that somebody is woken by, on every server that there is.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const HOUR_MS = 3_600_000;

describe.for(SERVERS.filter((server) => server.path !== undefined))('what does not move on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  const figures = (): Promise<QueueFigures> => bed.store.jobs.figures();
  const hourAgo = (): string => String(Date.now() - HOUR_MS);
  const backdate = async (id: JobId, field: 'created' | 'started' | 'retryAt'): Promise<void> => {
    await bed.redis.hset(`{bed}:job:${id}`, field, hourAgo());
  };
  /** The age of its entry is what counts. */
  const leaveWaiting = async (id: JobId): Promise<void> => {
    await bed.redis.hset(`{bed}:bull:default:${id}.1`, 'timestamp', hourAgo());
  };
  const anHour = { min: HOUR_MS, max: HOUR_MS + 60_000 };
  const expectAnHour = (ms: number): void => {
    expect(ms).toBeGreaterThanOrEqual(anHour.min);
    expect(ms).toBeLessThan(anHour.max);
  };

  it('nothing waits where there is nothing', async () => {
    expect(await figures()).toMatchObject({
      oldestReadyAgeMs: 0,
      oldestWaitingAgeMs: 0,
      stalledLines: [],
      recoveries: { count: 0, oldestAgeMs: 0 },
      hasLeader: false,
    });
  });

  it('a job that no worker takes grows old, although the sweep looks at it again and again', async () => {
    const id = await bed.submit(['left']);
    await leaveWaiting(id);
    await bed.redis.zadd('{bed}:ready', hourAgo(), id);
    await bed.store.upkeep.sweep(1_000);
    expectAnHour((await figures()).oldestReadyAgeMs);
    // It was put off meanwhile: since then it could run again.
    await bed.redis.hset(`{bed}:job:${id}`, 'retryAt', String(Date.now() - 5_000));
    expect((await figures()).oldestReadyAgeMs).toBeLessThan(60_000);
    await bed.redis.lrem('{bed}:bull:default:wait', 0, `${id}.1`);
    await bed.succeed(id);
    expect((await figures()).oldestReadyAgeMs).toBe(0);
  });

  it('a job that waits behind another waits, but not for a worker', async () => {
    const head = await bed.submit(['behind']);
    await bed.claim(head);
    await bed.redis.del('{bed}:bull:default:wait');
    const second = await bed.submit(['behind']);
    await backdate(second, 'created');
    const { oldestReadyAgeMs, oldestWaitingAgeMs } = await figures();
    expect(oldestReadyAgeMs).toBe(0);
    expectAnHour(oldestWaitingAgeMs);
    await bed.store.jobs.cancel(second, 'somebody');
    await endRunning(head);
  });

  it('a line whose head has been at work for long is told with its resource, when others wait behind it', async () => {
    const head = await bed.submit(['stalled', 'free'], { kind: 'volume.create' });
    const claim = await bed.claim(head);
    const second = await bed.submit(['stalled']);
    expect((await figures()).stalledLines).toEqual([]);
    await backdate(head, 'started');
    const { stalledLines } = await figures();
    expect(stalledLines).toMatchObject([{ resource: 'volume:stalled', kind: 'volume.create', behind: 1 }]);
    expectAnHour(stalledLines[0]?.heldMs ?? 0);
    await bed.store.claims.commit(claim, { end: { state: 'succeeded', result: {} } });
    expect((await figures()).stalledLines).toEqual([]);
    await bed.succeed(second);
  });

  it('recoveries of hosts are counted while they are open, whether they run or wait for their children', async () => {
    const [first, second] = [
      await bed.submit([], { kind: 'host.recover' }),
      await bed.submit([], { kind: 'host.recover' }),
    ];
    await bed.claim(first);
    await backdate(first, 'created');
    const { recoveries } = await figures();
    expect(recoveries.count).toBe(2);
    expectAnHour(recoveries.oldestAgeMs);
    await endRunning(first);
    await bed.succeed(second);
    expect((await figures()).recoveries).toEqual({ count: 0, oldestAgeMs: 0 });
  });

  it('a leader shows, and is missed when it has gone', async () => {
    const end = new AbortController();
    const led = bed.store.leader.run(() => new Promise(() => undefined), end.signal);
    await expect.poll(async () => (await figures()).hasLeader).toBe(true);
    end.abort();
    void led;
    await bed.redis.del('{bed}:leader');
    expect((await figures()).hasLeader).toBe(false);
  });

  it('a look is as quick when 20,000 jobs wait', async () => {
    const ids = await Promise.all(Array.from({ length: 20_000 }, () => bed.submit(['crowd'])));
    await bed.claim(ids[0] ?? ('' as JobId));
    await backdate(ids[0] ?? ('' as JobId), 'started');
    const clock = startFairClock();
    expect((await figures()).stalledLines).toMatchObject([{ resource: 'volume:crowd', behind: 19_999 }]);
    expect(clock.elapsedMs()).toBeLessThan(200);
  });

  async function endRunning(id: JobId): Promise<void> {
    await bed.store.jobs.cancel(id, 'somebody');
    await bed.store.claims.commit(await bed.claim(id), { end: { state: 'succeeded', result: {} } });
  }
});
