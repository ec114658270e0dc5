import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resourceKey } from '../../core/ids.ts';
import { startSystem, type System } from '../harness/system.ts';
import { eventually, filesWith, untilTaskRuns } from '../system/lab-view.ts';
import { type CrashSystem, crashSystem } from './stage.ts';

const OPTIONS = { Capacity: '1MiB' };

describe('a reconcile beside other jobs', () => {
  let system: System;
  let redis: Redis;
  let crash: CrashSystem;
  beforeAll(async () => {
    system = await startSystem({ workers: 0 });
    redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    crash = crashSystem(system, redis);
    await crash.startWorker();
    // A disk for which machines are asked.
    await system.run('volume.create', { name: 'bystander', options: OPTIONS });
    await system.run('reconcile.run', {});
  });
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  });

  const heldTimes = (): number => crash.report().filter((line) => line.at === 'held').length;

  it('does not finish what it saw half made and what was taken back meanwhile', async () => {
    crash.plan({ reconcile: { holdAfter: 'records.list' } });
    const reconcile = await crash.begin('reconcile', 'reconcile.run', {});
    await eventually('the records to be read', async () => heldTimes() === 1);
    await system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 60_000 });
    const create = await system.begin('volume.create', { name: 'flighty', options: OPTIONS });
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    crash.plan({ reconcile: { holdAfter: 'machines.findByDisk' } });
    await eventually('the document to be seen', async () => heldTimes() === 2);
    await system.store.jobs.cancel(create, 'test');
    expect(await system.end(create)).toMatchObject({ state: 'cancelled' });
    crash.plan({});
    await system.lab('POST', '/reset');
    expect(await system.end(reconcile)).toMatchObject({ state: 'succeeded', result: { finishing: 0 } });
    const jobs = await system.store.jobs.list({ resource: resourceKey('volume', 'flighty') }, { limit: 9 });
    expect(jobs.items.map(({ id }) => id)).toEqual([create]);
    expect(await filesWith(system, '/flighty')).toEqual([]);
  });
});
