import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { type JobId, newJobId, resourceKey } from '../../core/ids.ts';
import type { JobFilter } from '../../core/ports/jobs.ts';
import { randomBytes } from '../../platform/clock.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// What people look for, on every server that there is.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const ERROR = new StowageError('store-full', 'no room on ds-7').facts;

describe.for(SERVERS.filter((server) => server.path !== undefined))('reads on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  const walk = async (filter: JobFilter, limit = 2): Promise<readonly JobId[]> => {
    const seen: JobId[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await bed.store.jobs.list(filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(limit);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next;
      if (cursor === undefined) return seen;
    }
  };
  const die = async (id: JobId): Promise<void> =>
    bed.store.claims.commit(await bed.claim(id), { end: { state: 'dead', error: ERROR } });

  it('jobs are found by several states, time, text, error and all of them together', async () => {
    const start = Date.now() - 60_000;
    const ids: JobId[] = [];
    for (let at = 0; at < 6; at += 1) {
      const id = newJobId(start + at * 1_000, randomBytes(10));
      ids.push(
        await bed.submit([`found-${at}`], { id, kind: at < 3 ? 'found.low' : 'found.high', actor: `Who-${at}` }),
      );
    }
    const [a, b, c, d, e, f] = ids as [JobId, JobId, JobId, JobId, JobId, JobId];
    await die(b);
    await die(e);
    await bed.succeed(c);
    expect(await walk({ state: ['dead', 'succeeded'] })).toEqual([e, c, b]);
    expect(await walk({ state: ['waiting', 'dead'], kind: 'found.low' })).toEqual([b, a]);
    expect(await walk({ sinceMs: start + 1_000, untilMs: start + 3_000 })).toEqual([d, c, b]);
    expect(await walk({ sinceMs: start + 1_001, untilMs: start + 2_999, kind: 'found.low' })).toEqual([c]);
    expect(await walk({ untilMs: start - 1 })).toEqual([]);
    expect(await walk({ code: 'store-full' })).toEqual([e, b]);
    expect(await walk({ code: 'store-full', state: 'succeeded' })).toEqual([]);
    expect(await walk({ text: 'FOUND-5' })).toEqual([f]);
    expect(await walk({ text: 'who-' }, 4)).toEqual([f, e, d, c, b, a]);
    expect(await walk({ text: 'Room on DS' })).toEqual([e, b]);
    expect(await walk({ text: d.toUpperCase() })).toEqual([d]);
    expect(await walk({ text: 'high', state: ['waiting'], sinceMs: start + 4_000 })).toEqual([f]);
    expect(await walk({ resource: resourceKey('volume', 'found-2'), actor: 'Who-2' })).toEqual([c]);
    expect(await walk({ resource: resourceKey('volume', 'found-2'), actor: 'Who-3' })).toEqual([]);
  });

  it('a dead letter is found by its fingerprint, also when it was given up; one without a group, too', async () => {
    const id = await bed.submit(['printed'], { kind: 'printed.kind' });
    await die(id);
    const fingerprint = (await bed.read(id)).error?.fingerprint ?? '';
    expect(await walk({ fingerprint })).toContain(id);
    expect(await walk({ fingerprint, kind: 'printed.kind' })).toEqual([id]);
    expect(await walk({ fingerprint, state: 'dead', actor: 'somebody' })).toEqual([]);
    expect(await walk({ fingerprint: '0123456789abcdef' })).toEqual([]);
    const group = (await bed.redis.hget('{bed}:dead-group-of', id)) ?? '';
    await bed.redis.hdel('{bed}:dead-group-of', id);
    expect(await walk({ fingerprint, kind: 'printed.kind', state: 'dead' })).toEqual([id]);
    await bed.redis.hset('{bed}:dead-group-of', id, group);
    await bed.store.jobs.discard(id, 'me', 'no use');
    expect(await walk({ fingerprint, kind: 'printed.kind' })).toEqual([id]);
    expect(await walk({ fingerprint, kind: 'printed.kind', state: 'dead' })).toEqual([]);
  });

  it('the jobs of a job are found, and forgotten with it', async () => {
    const parent = await bed.submit([], { id: newJobId(Date.now() - 30_000, randomBytes(10)) });
    const claim = await bed.claim(parent);
    const more = { parent, parentEpoch: claim.epoch };
    const child = await bed.submit(['child'], { ...more, id: newJobId(Date.now() - 20_000, randomBytes(10)) });
    expect(await walk({ parent })).toEqual([child]);
    expect(await walk({ parent, state: 'succeeded' })).toEqual([]);
    await bed.succeed(child);
    await bed.store.claims.commit(claim, { end: { state: 'succeeded', result: {} } });
    expect(await walk({ parent, state: 'succeeded' })).toEqual([child]);
    await bed.succeed(await bed.submit([]));
    await bed.open({ historyJobs: 1 }).upkeep.trim();
    expect(await bed.redis.exists(`{bed}:jobs:from:${parent}`)).toBe(0);
  });

  it('a listing that matches little looks at so many jobs and goes on by its cursor', async () => {
    const lone = await bed.submit(['lone'], { id: newJobId(1_000, randomBytes(10)), actor: 'lone' });
    const add = bed.redis.pipeline();
    // Ids without jobs cost a listing as much as jobs do.
    for (let at = 0; at < 6_000; at += 1)
      add.zadd('{bed}:jobs:state:waiting', 0, newJobId(2_000 + at, randomBytes(10)));
    await add.exec();
    const first = await bed.store.jobs.list({ actor: 'lone', untilMs: 60_000 }, { limit: 10 });
    expect(first).toMatchObject({ items: [], next: expect.any(String) });
    expect(await walk({ actor: 'lone', untilMs: 60_000 })).toEqual([lone]);
    await bed.redis.zremrangebylex('{bed}:jobs:state:waiting', '-', `(${newJobId(60_000, randomBytes(10))}`);
  });

  it('a trail keeps its newest 500 entries, for a week or as long as the job', async () => {
    const { trails } = bed.store;
    const id = await bed.submit([], { id: newJobId(Date.now() - 40_000, randomBytes(10)) });
    expect(await trails.read(id)).toEqual([]);
    const at = new Date().toISOString();
    const entries = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => ({
        at,
        type: 'call' as const,
        name: `Call${from + index}`,
        attempt: 1,
        durationMs: 1.5,
        data: { outcome: 'ok' },
      }));
    const line = { at, type: 'log', name: 'waits', attempt: 2, step: 'disk', level: 'warn' } as const;
    trails.add(id, [line]);
    await expect.poll(() => trails.read(id)).toEqual([line]);
    trails.add(id, entries(0, 300));
    trails.add(id, entries(300, 600));
    await expect.poll(async () => (await trails.read(id)).length).toBe(500);
    expect((await trails.read(id)).at(0)).toEqual(entries(100, 101)[0]);
    expect((await trails.read(id)).at(-1)?.name).toBe('Call599');
    expect(await bed.redis.pttl(`{bed}:trail:${id}`)).toBeGreaterThan(6 * 24 * 3_600_000);
    await bed.succeed(id);
    await bed.succeed(await bed.submit([]));
    await bed.open({ historyJobs: 1 }).upkeep.trim();
    expect(await trails.read(id)).toEqual([]);
  });

  it('the events of a job are found by its times, among many others', async () => {
    const id = await bed.submit(['told']);
    const noise = bed.redis.pipeline();
    for (let at = 0; at < 5_000; at += 1)
      noise.xadd('{bed}:events', '*', 'type', 'job.started', 'subject', 'job:another', 'data', '{}');
    await noise.exec();
    await die(id);
    const { createdAt, attempts, finishedAt = '' } = await bed.read(id);
    const times = [createdAt, attempts[0]?.startedAt ?? '', finishedAt].map((time) => Date.parse(time));
    const told = await bed.store.events.about(`job:${id}`, { timesMs: times, andLatest: false });
    expect(told.map(({ type }) => type)).toEqual(['job.submitted', 'job.started', 'job.dead']);
    await bed.store.jobs.discard(id, 'me', 'no use');
    const more = await bed.store.events.about(`job:${id}`, { timesMs: times, andLatest: true });
    expect(more.at(-1)?.type).toBe('job.discarded');
  });

  it('the audit log is asked by actor and action, and goes on by its cursor', async () => {
    const { audit } = bed.store;
    const add = bed.redis.pipeline();
    const entry = {
      at: new Date().toISOString(),
      actor: 'key:many',
      action: 'cancelJob',
      outcome: 'done',
      status: 200,
    };
    for (let at = 0; at < 5_500; at += 1) add.xadd('{bed}:audit', '*', 'entry', JSON.stringify(entry));
    await audit.add({ ...entry, actor: 'key:few', outcome: 'refused', status: 403 });
    await add.exec();
    const first = await audit.list({ actor: 'key:few' }, { limit: 5 });
    expect(first).toMatchObject({ items: [], next: expect.any(String) });
    const second = await audit.list({ actor: 'key:few' }, { limit: 5, cursor: first.next ?? '' });
    expect(second).toEqual({ items: [expect.objectContaining({ actor: 'key:few', outcome: 'refused' })] });
    expect((await audit.list({ action: 'cancelJob', untilMs: 1_000 }, { limit: 5 })).items).toEqual([]);
    expect((await audit.list({ sinceMs: Date.now() - 60_000 }, { limit: 5 })).items).toHaveLength(5);
  });

  it('ends are counted by the minute, discarded dead letters too, and forgotten after hours', async () => {
    const sum = async (name: 'succeeded' | 'dead' | 'failed'): Promise<number> =>
      (await bed.store.jobs.endsByMinute(60)).reduce((all, minute) => all + minute[name], 0);
    const before = [await sum('succeeded'), await sum('dead'), await sum('failed')];
    await bed.succeed(await bed.submit([]));
    const dead = await bed.submit([]);
    await die(dead);
    await bed.store.jobs.discard(dead, 'me', 'no use');
    const after = [await sum('succeeded'), await sum('dead'), await sum('failed')];
    expect(after.map((count, at) => count - (before[at] ?? 0))).toEqual([1, 1, 1]);
    await bed.redis.hset('{bed}:ends', '1000|dead', 7);
    await bed.store.upkeep.sweep(600_000);
    expect(await bed.redis.hexists('{bed}:ends', '1000|dead')).toBe(0);
    expect(await sum('succeeded')).toBe(after[0]);
  });

  it('what fails is told: the dead of late, and those that wait for another attempt', async () => {
    const since = Date.now() - 1;
    const dead = await bed.submit([]);
    await die(dead);
    const again = await bed.submit([]);
    const end = { state: 'waiting', error: ERROR, retryInMs: 60_000, counts: true } as const;
    await bed.store.claims.commit(await bed.claim(again), { end });
    const later = await bed.submit([]);
    const notYet = { ...end, error: new StowageError('not-yet', 'later').facts, counts: false } as const;
    await bed.store.claims.commit(await bed.claim(later), { end: notYet });
    const failing = await bed.store.jobs.failing(since, 20);
    expect(failing.map(({ id }) => id)).toEqual([dead, again]);
    expect(failing.at(1)).toMatchObject({ state: 'waiting', error: { code: 'store-full' } });
  });
});
