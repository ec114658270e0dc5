import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// A job that waits for others holds no worker, keeps its place, and goes on when the last of them is over.

const SERVERS = ['redis-server', 'valkey-server'].map((name) => ({ name, path: serverOnPath(name) }));
const ERROR = new StowageError('layer-invalid', 'for the test').facts;

let fresh = 0;
const name = (): string => `line${(fresh += 1)}`;

describe.for(SERVERS.filter((server) => server.path !== undefined))('waiting for children on $name', ({ path }) => {
  let bed: StoreBed;
  beforeAll(async () => {
    bed = await openStoreBed(path ?? '');
  });
  afterAll(() => bed.close());

  const awaiting = async (id: JobId, children: readonly JobId[]): Promise<void> => {
    await bed.store.claims.commit(await bed.claim(id), { end: { state: 'awaiting', children } });
  };

  it('it is woken by the last one, and nobody takes it before', async () => {
    const line = name();
    const parent = await bed.submit([line]);
    const behind = await bed.submit([line]);
    const [a, b] = [await bed.submit([name()], { parent }), await bed.submit([name()], { parent })];
    await awaiting(parent, [a, b]);
    expect(await bed.read(parent)).toMatchObject({ state: 'waiting', children: [a, b], resources: [`volume:${line}`] });
    expect(await bed.read(a)).toMatchObject({ parent });
    expect((await bed.acquire(parent)).outcome).toBe('behind');
    expect((await bed.acquire(behind)).outcome).toBe('behind');
    await bed.succeed(a);
    expect((await bed.acquire(parent)).outcome).toBe('behind');
    await bed.succeed(b);
    const claim = await bed.claim(parent);
    expect(claim.failures).toBe(0);
    expect(claim.job.attempts.map(({ outcome }) => outcome)).toEqual(['awaiting', 'running']);
    await bed.store.claims.commit(claim, { end: { state: 'succeeded', result: {} } });
    expect(await bed.hasEntry(behind)).toBe(true);
  });

  it('it is woken by the first one that fails', async () => {
    const parent = await bed.submit([name()]);
    const [a, b] = [await bed.submit([name()], { parent }), await bed.submit([name()], { parent })];
    await awaiting(parent, [a, b]);
    await bed.store.claims.commit(await bed.claim(b), { end: { state: 'dead', error: ERROR } });
    const claim = await bed.claim(parent);
    await bed.succeed(a);
    expect((await bed.read(parent)).state).toBe('running');
    await bed.store.claims.commit(claim, { end: { state: 'dead', error: ERROR } });
  });

  it('children that are over already do not make it wait', async () => {
    const parent = await bed.submit([name()]);
    const child = await bed.submit([name()], { parent });
    await bed.succeed(child);
    await awaiting(parent, [child]);
    expect(await bed.hasEntry(parent)).toBe(true);
    expect((await bed.acquire(parent)).outcome).toBe('acquired');
  });

  it('a child that is cancelled wakes it, and so does its own cancellation', async () => {
    const parent = await bed.submit([name()]);
    const child = await bed.submit([name()], { parent });
    await awaiting(parent, [child]);
    await bed.store.jobs.cancel(child, 'somebody');
    expect((await bed.acquire(parent)).outcome).toBe('acquired');

    const other = await bed.submit([name()]);
    await awaiting(other, [await bed.submit([name()], { parent: other })]);
    expect(await bed.store.jobs.cancel(other, 'somebody')).toBe('requested');
    expect((await bed.acquire(other)).outcome).toBe('acquired');
  });

  it('a cancellation in the moment in which it goes to wait is not missed', async () => {
    const parent = await bed.submit([name()]);
    const child = await bed.submit([name()], { parent });
    const claim = await bed.claim(parent);
    expect(await bed.store.jobs.cancel(parent, 'somebody')).toBe('requested');
    await bed.store.claims.commit(claim, { end: { state: 'awaiting', children: [child] } });
    expect(await bed.hasEntry(parent)).toBe(true);
    expect((await bed.acquire(parent)).outcome).toBe('acquired');
    await bed.succeed(child);
    expect(await bed.redis.exists(`{bed}:awaiting:${child}`)).toBe(0);
  });

  it('a worker that has lost the claim submits nothing', async () => {
    const parent = await bed.submit([name()]);
    const { epoch } = await bed.claim(parent);
    const line = name();
    const first = await bed.submit([line], { parent, parentEpoch: epoch });
    const { epoch: later } = await bed.claim(parent);
    await expect(bed.submit([line], { parent, parentEpoch: epoch })).rejects.toMatchObject({ code: 'claim-lost' });
    const second = await bed.submit([line], { parent, parentEpoch: later });
    await bed.succeed(parent);
    const standing = await bed.store.jobs.standing(second);
    expect(standing).toMatchObject([{ head: first, ahead: 1 }]);
    await expect(bed.submit([line], { parent, parentEpoch: later })).rejects.toMatchObject({ code: 'claim-lost' });
  });

  it('an id that was submitted before is the same job, also when it is over', async () => {
    const child = await bed.submit([name()]);
    await bed.succeed(child);
    expect(await bed.submit([name()], { id: child })).toBe(child);
    expect(await bed.read(child)).toMatchObject({ state: 'succeeded' });
  });

  it('two may wait for one', async () => {
    const [first, second] = [await bed.submit([name()]), await bed.submit([name()])];
    const child = await bed.submit([name()]);
    await awaiting(first, [child]);
    await awaiting(second, [child]);
    await bed.succeed(child);
    expect([await bed.hasEntry(first), await bed.hasEntry(second)]).toEqual([true, true]);
  });

  it('the sweep leaves it alone', async () => {
    const parent = await bed.submit([name()]);
    await awaiting(parent, [await bed.submit([name()], { parent })]);
    expect(await bed.redis.zscore('{bed}:ready', parent)).toBeNull();
  });

  it('progress is there for those who look', async () => {
    const id = await bed.submit([name()]);
    const silent = await bed.submit([name()]);
    bed.store.claims.showProgress(await bed.claim(id), { phase: 'downloading', current: 5, total: 10 });
    await expect
      .poll(() => bed.store.jobs.progress([silent, id]))
      .toEqual(new Map([[id, { phase: 'downloading', current: 5, total: 10 }]]));
  });
});
