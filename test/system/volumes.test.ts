import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';

interface LabDisk {
  readonly path: string;
  readonly capacityBytes: number;
}

describe('volumes, from submission to datastore and back', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
  });
  afterAll(() => system.close());

  it('a created volume is one VMDK and one document; removed, both are gone', async () => {
    const made = await system.run('volume.create', { name: 'demo_vol', options: { Capacity: '10GB' } });
    expect(made).toMatchObject({ state: 'succeeded', result: { capacityBytes: 10_000_000_000, created: true } });
    expect(made.steps.flatMap((step) => step.tasks.map((task) => task.method))).toEqual(['CreateVirtualDisk_Task']);
    const disks = (await system.lab('GET', '/disks')) as readonly LabDisk[];
    expect(disks.filter((disk) => disk.path.includes('demo_vol')).map((disk) => disk.capacityBytes)).toEqual([
      10_000_000_000,
    ]);
    expect(await system.run('volume.remove', { name: 'demo_vol' })).toMatchObject({ state: 'succeeded' });
    expect(await system.volume('demo_vol')).toBeUndefined();
  });
});
