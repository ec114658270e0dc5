import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith, disksOf, filesWith, untilTaskRuns } from './lab-view.ts';

describe('jobs that somebody cancels while their Task runs', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.close());

  it('a creation leaves nothing', async () => {
    await system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 60_000 });
    const id = await system.begin('volume.create', { name: 'unwanted' });
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    expect(await system.store.jobs.cancel(id, 'ann')).toBe('requested');
    const job = await system.end(id);
    expect(job).toMatchObject({ state: 'cancelled', cancelRequestedBy: 'ann', error: { code: 'job-cancelled' } });
    expect(await filesWith(system, 'unwanted')).toEqual([]);
    expect(await system.volume('unwanted')).toBeUndefined();
    await system.lab('POST', '/reset');
    expect(await system.run('volume.create', { name: 'unwanted' })).toMatchObject({ state: 'succeeded' });
  });

  it('an attach leaves no device, and the volume available', async () => {
    expect(await system.run('volume.create', { name: 'let_go' })).toMatchObject({ state: 'succeeded' });
    await system.lab('POST', '/task-latency', { method: 'ReconfigVM_Task', ms: 60_000 });
    const id = await system.begin('volume.attach', { volume: 'let_go', machine: 'lab-vm-1' });
    await untilTaskRuns(system, 'ReconfigVM_Task');
    await system.store.jobs.cancel(id, 'ann');
    expect(await system.end(id)).toMatchObject({ state: 'cancelled' });
    expect(await devicesWith(system, 'let_go')).toEqual([]);
    expect(await system.volume('let_go')).toMatchObject({ state: 'available', holders: [] });
    await system.lab('POST', '/reset');
  });

  it('a removal that has not yet deleted the disk leaves the volume whole', async () => {
    expect(await system.run('volume.create', { name: 'spared' })).toMatchObject({ state: 'succeeded' });
    await system.lab('POST', '/faults', {
      method: 'DeleteVirtualDisk_Task',
      fault: 'TaskInProgress',
      as: 'fault',
      count: -1,
    });
    const id = await system.begin('volume.remove', { name: 'spared' });
    await system.store.jobs.cancel(id, 'ann');
    expect(await system.end(id)).toMatchObject({ state: 'cancelled' });
    await system.lab('POST', '/reset');
    expect(await disksOf(system, 'spared')).toHaveLength(1);
    expect(await system.volume('spared')).toMatchObject({ state: 'available' });
    expect(await system.run('volume.attach', { volume: 'spared', machine: 'lab-vm-1' })).toMatchObject({
      state: 'succeeded',
    });
  });
});
