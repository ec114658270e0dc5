import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { countTasks, devicesWith, disksOf, filesWith } from './lab-view.ts';

const outcomes = (job: Job): readonly string[] =>
  job.attempts.map((attempt) => `${attempt.outcome}${attempt.error === undefined ? '' : ` ${attempt.error.code}`}`);

describe('faults of vCenter, as retries and dead letters', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterEach(() => system.lab('POST', '/reset'));
  afterAll(() => system.close());

  const inject = (fault: object): Promise<unknown> => system.lab('POST', '/faults', fault);
  const make = async (name: string, options: Record<string, string> = {}): Promise<void> => {
    expect(await system.run('volume.create', { name, options })).toMatchObject({ state: 'succeeded' });
  };

  it('TaskInProgress twice: tried again, and the attempts show it', async () => {
    await make('busy_vol');
    await inject({ method: 'ReconfigVM_Task', fault: 'TaskInProgress', as: 'fault', count: 2 });
    const job = await system.run('volume.attach', { volume: 'busy_vol', machine: 'lab-vm-1' });
    expect(job.state).toBe('succeeded');
    expect(outcomes(job)).toEqual(['retry vcenter-busy', 'retry vcenter-busy', 'succeeded']);
    expect(job.attempts[0]).toMatchObject({ step: 'device', error: { fault: { type: 'TaskInProgress' } } });
    expect(await devicesWith(system, 'busy_vol')).toHaveLength(1);
  });

  it('TaskInProgress as the outcome of the Task: tried again with a second one', async () => {
    await inject({ method: 'CreateVirtualDisk_Task', fault: 'TaskInProgress', as: 'task', count: 2 });
    const job = await system.run('volume.create', { name: 'busy_task' });
    expect(outcomes(job)).toEqual(['retry vcenter-busy', 'retry vcenter-busy', 'succeeded']);
    const tasks = job.steps.find((step) => step.name === 'disk')?.tasks ?? [];
    expect(tasks.map((task) => task.outcome)).toEqual(['error', 'error', 'success']);
    expect(await disksOf(system, 'busy_task')).toHaveLength(1);
  });

  it('ConcurrentAccess on a reconfigure: read again and tried again', async () => {
    await make('stale_vol');
    await inject({ method: 'ReconfigVM_Task', fault: 'ConcurrentAccess', as: 'task', count: 1 });
    const attach = await system.run('volume.attach', { volume: 'stale_vol', machine: 'lab-vm-2' });
    expect(attach.state).toBe('succeeded');
    expect(outcomes(attach)).toEqual(['retry vcenter-conflict', 'succeeded']);
    await inject({ method: 'ReconfigVM_Task', fault: 'ConcurrentAccess', as: 'task', count: 1 });
    const detach = await system.run('volume.detach', { volume: 'stale_vol' });
    expect(outcomes(detach)).toEqual(['retry vcenter-conflict', 'succeeded']);
    expect(await devicesWith(system, 'stale_vol')).toEqual([]);
  });

  it('HTTP 5xx on writing the document: tried again', async () => {
    await system.lab('POST', '/http-faults', { path: 'put_vol/volume.json', verb: 'PUT', status: 503, count: 1 });
    await system.lab('POST', '/http-faults', { path: 'put_vol/volume.json', verb: 'PUT', status: 500, count: 1 });
    const job = await system.run('volume.create', { name: 'put_vol' });
    expect(job.state).toBe('succeeded');
    expect(outcomes(job)).toEqual(['retry vcenter-unreachable', 'retry vcenter-fault', 'succeeded']);
    expect(await system.volume('put_vol')).toMatchObject({ state: 'available' });
  });

  it('the answer to writing the done-marker is lost: written again, the disk is made once', async () => {
    const drop = { path: 'cut_vol/volume.json', verb: 'PUT', status: 'drop', when: 'after', count: 2 };
    await system.lab('POST', '/http-faults', drop);
    expect(await system.run('volume.create', { name: 'cut_vol' })).toMatchObject({ state: 'succeeded' });
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'cut_vol')).toBe(1);
  });

  it('a datastore without space: a dead letter that names it, and nothing is left', async () => {
    const job = await system.run('volume.create', {
      name: 'huge_vol',
      options: { Capacity: '2TB', diskformat: 'eagerzeroedthick' },
    });
    expect(job).toMatchObject({ state: 'dead', error: { code: 'store-full', kind: 'conflict' } });
    expect(job.error?.message).toContain('shared-1');
    expect(job.attempts).toHaveLength(1);
    expect(await filesWith(system, 'huge_vol')).toEqual([]);
    expect(await system.volume('huge_vol')).toBeUndefined();
  });

  it('a datastore cluster without space: the same, and it names the cluster', async () => {
    const job = await system.run('volume.create', { name: 'huge_pod', options: { VolumeStore: 'pod', size: '3TB' } });
    expect(job).toMatchObject({ state: 'dead', error: { code: 'store-full' } });
    expect(job.error?.message).toContain('pod-1');
    expect(await filesWith(system, 'huge_pod')).toEqual([]);
  });

  it('NoPermission at the end of a Task: no retry, undone, nothing left', async () => {
    await inject({ method: 'CreateVirtualDisk_Task', fault: 'NoPermission', as: 'task', count: 1 });
    const job = await system.run('volume.create', { name: 'refused_vol' });
    expect(job).toMatchObject({ state: 'dead', error: { code: 'vcenter-no-permission', kind: 'forbidden' } });
    expect(outcomes(job)).toEqual(['dead vcenter-no-permission']);
    expect(await filesWith(system, 'refused_vol')).toEqual([]);
    expect(await system.volume('refused_vol')).toBeUndefined();
    await system.store.jobs.redrive(job.id, 'test');
    expect(await system.end(job.id)).toMatchObject({ state: 'succeeded', redriveCount: 1 });
  });

  it('NoPermission on an attach: the volume is available again', async () => {
    await make('kept_vol');
    await inject({ method: 'ReconfigVM_Task', fault: 'NoPermission', as: 'fault', count: 1 });
    const job = await system.run('volume.attach', { volume: 'kept_vol', machine: 'lab-vm-1' });
    expect(outcomes(job)).toEqual(['dead vcenter-no-permission']);
    expect(await system.volume('kept_vol')).toMatchObject({ state: 'available', holders: [] });
  });
});
