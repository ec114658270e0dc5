import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { startSystem, type System } from '../harness/system.ts';
import { eventually, type LabDisk } from '../system/lab-view.ts';

const JOBS = 200;
/** So soon after Redis is back workers go on. */
const RESUMES_MS = 3_000;
const OPTIONS = { Capacity: '1MiB' };

describe('Redis dies', () => {
  let system: System;
  let redis: Redis;
  beforeEach(async () => {
    system = await startSystem({ workers: 2, lockMs: 1_000 });
    redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    redis.on('error', () => undefined);
    // Not so fast that all is done before anything can happen.
    await system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 150 });
  });
  afterEach(async () => {
    redis.disconnect();
    await system.close();
  });

  const submitAll = (): readonly Promise<JobId>[] =>
    Array.from({ length: JOBS }, (_, at) =>
      system.begin('volume.create', { name: `load.${String(at).padStart(3, '0')}`, options: OPTIONS }),
    );

  const endAll = (ids: readonly JobId[]): Promise<readonly Job[]> =>
    Promise.all(ids.map((id) => system.end(id, 200_000)));

  const diskNames = async (): Promise<readonly string[]> => {
    const disks = (await system.lab('GET', '/disks')) as readonly LabDisk[];
    return disks
      .map((disk) => /volumes\/([^/]+)\//.exec(disk.path)?.[1] ?? disk.path)
      .filter((name) => name.startsWith('load.'))
      .toSorted();
  };
  const allNames = Array.from({ length: JOBS }, (_, at) => `load.${String(at).padStart(3, '0')}`);

  const succeeded = async (): Promise<number> => redis.zcard('{stowage}:jobs:state:succeeded');

  it('killed under load and back after a second: what was accepted is done, once', { timeout: 300_000 }, async () => {
    const accepted = await Promise.all(submitAll());
    await eventually('some jobs to be done', async () => (await succeeded()) > 10);
    await system.redis.kill9();
    // Submitted while Redis is away: it waits, and is accepted when Redis is back.
    const waiting = system.begin('volume.create', { name: 'load.late', options: OPTIONS });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await system.redis.restart();
    const sinceBack = startFairClock();
    const before = await succeeded();
    // There is something left to go on with; how much depends on the machine.
    expect(before).toBeLessThan(JOBS);
    await eventually('a first job to be done', async () => (await succeeded()) > before);
    expect(sinceBack.elapsedMs()).toBeLessThan(RESUMES_MS);
    const jobs = await endAll([...accepted, await waiting]);
    expect(jobs.filter((job) => job.state !== 'succeeded')).toEqual([]);
    expect(await diskNames()).toEqual([...allNames, 'load.late']);
    // The leader's own reconcile may be under way; it ends, too.
    const held = async (): Promise<readonly string[]> =>
      (await Promise.all(['claim', 'line'].map((what) => redis.keys(`{stowage}:${what}:*`)))).flat();
    await expect.poll(held).toEqual([]);
  });

  const recordNames = async (): Promise<readonly string[]> => {
    const page = await system.store.records.list('volume', { limit: 500 });
    return page.items.filter(({ record }) => record.state === 'available').map(({ record }) => record.name);
  };

  it('emptied at rest: every record is rebuilt, with who holds it', { timeout: 120_000 }, async () => {
    for (const name of ['kept', 'held']) await system.run('volume.create', { name, options: OPTIONS });
    await system.run('volume.create', { name: 'files', options: { VolumeStore: 'nfs' } });
    await system.run('volume.attach', { volume: 'held', machine: 'lab-vm-1' });
    const records = async (): Promise<readonly object[]> =>
      Promise.all(
        ['kept', 'held', 'files'].map(async (name) => {
          const { updatedAt: _, job: __, ...record } = (await system.volume(name)) ?? { updatedAt: '' };
          return record;
        }),
      );
    const before = await records();
    await redis.flushall();
    await eventually(
      'three records',
      async () => (await system.store.records.list('volume', { limit: 9 })).items.length === 3,
    );
    expect(await records()).toEqual(before);
    expect(await system.run('volume.remove', { name: 'held' })).toMatchObject({ error: { code: 'volume-in-use' } });
    expect(await system.run('volume.remove', { name: 'kept' })).toMatchObject({ state: 'succeeded' });
  });

  it('emptied under load: no disk is lost or doubled, and what was half made is finished', {
    timeout: 300_000,
  }, async () => {
    await Promise.all(submitAll());
    await eventually('some jobs to be done', async () => (await succeeded()) > 20);
    await redis.flushall();
    // What had begun on the datastore is finished by the reconcile that the leader submits; the rest is forgotten with its jobs.
    const settled = async (): Promise<boolean> => {
      const [open, documents, records] = [await redis.keys('{stowage}:line:*'), await diskNames(), await recordNames()];
      return open.length === 0 && documents.length > 20 && JSON.stringify(documents) === JSON.stringify(records);
    };
    await eventually('records and disks to be the same', settled, 200_000);
    const names = await diskNames();
    expect(new Set(names).size).toBe(names.length);
    await eventually('a whole second pass to find nothing half made', async () => {
      const job = await system.run('reconcile.run', {});
      return job.result?.['finishing'] === 0 && job.result['strays'] === 0;
    });
    await eventually('records and disks to be the same still', settled);
    // The forgotten ones can be asked for again, and the others are recognised.
    const jobs = await endAll(await Promise.all(submitAll()));
    expect(jobs.filter((job) => job.state !== 'succeeded')).toEqual([]);
    expect(await diskNames()).toEqual(allNames);
  });
});
