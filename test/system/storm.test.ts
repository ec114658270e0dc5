import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, JsonObject } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith, disksOf, filesWith, tasksOf } from './lab-view.ts';

const VOLUMES = 12;
const MACHINES = ['lab-vm-1', 'lab-vm-2', 'lab-vm-3', 'lab-vm-4'];
const METHODS = [
  'CreateVirtualDisk_Task',
  'ReconfigVM_Task',
  'ExtendVirtualDisk_Task',
  'DeleteVirtualDisk_Task',
  'DeleteDatastoreFile_Task',
];

describe('many volumes at once, while a good part of vCenter’s answers is lost', { timeout: 240_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
  });
  afterAll(() => system.close());

  async function succeed(kind: string, payload: JsonObject): Promise<Job> {
    const job = await system.run(kind, payload, 200_000);
    expect(job, `${kind} ${JSON.stringify(payload)}: ${JSON.stringify(job.error)}`).toMatchObject({
      state: 'succeeded',
    });
    return job;
  }

  async function liveAndDie(name: string, machine: string): Promise<void> {
    await succeed('volume.create', { name, options: { size: '1GiB' } });
    await succeed('volume.attach', { volume: name, machine });
    await succeed('volume.expand', { name, capacity: '2GiB' });
    expect(await devicesWith(system, `/${name}.vmdk`)).toMatchObject([{ vm: machine }]);
    expect(await disksOf(system, `/${name}.vmdk`)).toMatchObject([{ capacityBytes: 2 * 1_073_741_824 }]);
    await succeed('volume.detach', { volume: name });
    await succeed('volume.expand', { name, capacity: '3GiB' });
    await succeed('volume.remove', { name });
  }

  it('every job succeeds, no accepted Task is issued twice, and nothing is left', async () => {
    for (const method of METHODS) {
      for (const when of ['before', 'after']) await system.lab('POST', '/drops', { method, when, count: 3 });
      await system.lab('POST', '/faults', { method, fault: 'TaskInProgress', as: 'fault', count: 2 });
    }
    await system.lab('POST', '/faults', { method: 'ReconfigVM_Task', fault: 'ConcurrentAccess', as: 'task', count: 3 });
    await system.lab('POST', '/http-faults', { path: 'volume.json', verb: 'PUT', status: 503, count: 3 });
    await system.lab('POST', '/http-faults', { path: 'volume.json', status: 'drop', when: 'after', count: 3 });
    const names = Array.from({ length: VOLUMES }, (_, index) => `storm-${index}`);
    const lives = names.map((name, index) => liveAndDie(name, MACHINES[index % MACHINES.length] ?? ''));
    await system.lab('POST', '/sessions/drop');
    await Promise.all(lives);

    expect(await filesWith(system, 'storm-')).toEqual([]);
    expect(await devicesWith(system, 'storm-')).toEqual([]);
    for (const method of ['CreateVirtualDisk_Task', 'ExtendVirtualDisk_Task', 'DeleteVirtualDisk_Task']) {
      const tasks = await tasksOf(system, method);
      const counts = names.map(
        (name) => tasks.filter(({ args }) => args.some((arg) => arg.includes(`/${name}/`))).length,
      );
      expect(counts, method).toEqual(names.map(() => 1));
    }
    expect((await system.store.records.list('volume', { limit: 50 })).items).toEqual([]);
  });
});
