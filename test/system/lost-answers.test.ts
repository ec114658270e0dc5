import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';
import { countTasks, devicesWith, disksOf, eventually, filesWith, tasksOf, untilTaskRuns } from './lab-view.ts';

describe('what vCenter accepted is not asked for again', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterEach(() => system.lab('POST', '/reset'));
  afterAll(() => system.close());

  const loseAnswer = (method: string): Promise<unknown> =>
    system.lab('POST', '/drops', { method, when: 'after', count: 1 });
  const slowTask = (ms: number): Promise<unknown> =>
    system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms });
  /** How often the list of watched Tasks was changed. */
  const watched = async (): Promise<number> => {
    const { byMethod } = (await system.lab('GET', '/calls')) as { readonly byMethod: Readonly<Record<string, number>> };
    return byMethod['ModifyListView'] ?? 0;
  };
  const create = async (name: string, options: Record<string, string> = {}): Promise<void> => {
    expect(await system.run('volume.create', { name, options })).toMatchObject({ state: 'succeeded' });
  };

  it('a session dropped while a Task runs: the Task is waited for on a new session', async () => {
    await slowTask(60_000);
    const id = await system.begin('volume.create', { name: 'dropped' });
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    expect(await system.lab('POST', '/sessions/drop')).not.toEqual({ dropped: 0 });
    await slowTask(0);
    expect(await system.end(id)).toMatchObject({ state: 'succeeded', result: { created: true } });
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'dropped')).toBe(1);
    expect(await disksOf(system, 'dropped')).toHaveLength(1);
  });

  it('the answer to CreateVirtualDisk_Task is lost: one Task, one disk', async () => {
    await loseAnswer('CreateVirtualDisk_Task');
    const job = await system.run('volume.create', { name: 'lost_create' });
    expect(job).toMatchObject({ state: 'succeeded', result: { created: true } });
    expect(job.attempts.map((attempt) => attempt.outcome)).toEqual(['retry', 'succeeded']);
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'lost_create')).toBe(1);
    expect(await disksOf(system, 'lost_create')).toHaveLength(1);
  });

  it('the answer is lost and the Task still runs: it is waited for', async () => {
    await slowTask(60_000);
    await loseAnswer('CreateVirtualDisk_Task');
    const watchedBefore = await watched();
    const id = await system.begin('volume.create', { name: 'lost_slow' });
    await eventually('a second attempt', async () => (await system.store.jobs.read(id))?.attempts.length === 2);
    await eventually('the Task to be watched', async () => (await watched()) > watchedBefore);
    await slowTask(0);
    expect(await system.end(id)).toMatchObject({ state: 'succeeded' });
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'lost_slow')).toBe(1);
  });

  it('the answer to CopyVirtualDisk_Task is lost: one Task, one copy', async () => {
    await create('copy_source');
    await loseAnswer('CopyVirtualDisk_Task');
    const job = await system.run('volume.clone', { source: 'copy_source', name: 'lost_copy' });
    expect(job).toMatchObject({ state: 'succeeded', result: { created: true } });
    expect(await tasksOf(system, 'CopyVirtualDisk_Task')).toHaveLength(1);
  });

  it('the answer to ReconfigVM_Task is lost, attaching and detaching: one Task each', async () => {
    await create('lost_attach');
    await loseAnswer('ReconfigVM_Task');
    const attach = await system.run('volume.attach', { volume: 'lost_attach', machine: 'lab-vm-1' });
    expect(attach).toMatchObject({ state: 'succeeded', result: { attached: true, machineName: 'lab-vm-1' } });
    expect(await devicesWith(system, 'lost_attach')).toHaveLength(1);
    expect(await tasksOf(system, 'ReconfigVM_Task')).toHaveLength(1);
    await loseAnswer('ReconfigVM_Task');
    expect(await system.run('volume.detach', { volume: 'lost_attach' })).toMatchObject({ state: 'succeeded' });
    expect(await devicesWith(system, 'lost_attach')).toEqual([]);
    expect(await tasksOf(system, 'ReconfigVM_Task')).toHaveLength(2);
  });

  it('the answer to ExtendVirtualDisk_Task is lost: grown once', async () => {
    await create('lost_grow', { Capacity: '1GiB' });
    await loseAnswer('ExtendVirtualDisk_Task');
    const job = await system.run('volume.expand', { name: 'lost_grow', capacity: '2GiB' });
    expect(job).toMatchObject({ state: 'succeeded', result: { expanded: true } });
    expect(await tasksOf(system, 'ExtendVirtualDisk_Task')).toHaveLength(1);
    expect(await disksOf(system, 'lost_grow')).toMatchObject([{ capacityBytes: 2 * 1_073_741_824 }]);
  });

  it('the answer to DeleteVirtualDisk_Task is lost: deleted once', async () => {
    await create('lost_remove');
    await loseAnswer('DeleteVirtualDisk_Task');
    expect(await system.run('volume.remove', { name: 'lost_remove' })).toMatchObject({ state: 'succeeded' });
    expect(await countTasks(system, 'DeleteVirtualDisk_Task', 'lost_remove')).toBe(1);
    expect(await filesWith(system, 'lost_remove')).toEqual([]);
  });

  it('the answer to DeleteDatastoreFile_Task is lost: deleted once', async () => {
    await create('lost_home');
    await loseAnswer('DeleteDatastoreFile_Task');
    expect(await system.run('volume.remove', { name: 'lost_home' })).toMatchObject({ state: 'succeeded' });
    expect(await countTasks(system, 'DeleteDatastoreFile_Task', 'lost_home')).toBe(1);
    expect(await system.volume('lost_home')).toBeUndefined();
  });
});
