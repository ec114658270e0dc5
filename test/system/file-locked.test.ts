import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith, disksOf, filesWith } from './lab-view.ts';
import { openStranger, type Stranger } from './stranger.ts';

const TRYING_MS = 200_000;

describe('a file that stays locked', { timeout: TRYING_MS + 5_000 }, () => {
  let system: System;
  let stranger: Stranger;
  beforeAll(async () => {
    system = await startSystem();
    stranger = await openStranger(system);
    for (const name of ['grow_me', 'copy_me', 'read_me', 'erase_me']) {
      expect(await system.run('volume.create', { name, options: { size: '1GiB' } })).toMatchObject({
        state: 'succeeded',
      });
    }
  });
  afterAll(async () => {
    await stranger.close();
    await system.close();
  });

  it('dead letters that name the machine which has it open; nothing is changed or left', async () => {
    await stranger.attach('grow_me', 'lab-vm-1');
    await stranger.attach('copy_me', 'lab-vm-2');
    expect(
      await system.run('volume.attach', { volume: 'read_me', machine: 'lab-vm-2', access: 'read-only' }),
    ).toMatchObject({ state: 'succeeded' });
    await system.lab('POST', '/faults', { method: 'ReconfigVM_Task', fault: 'FileLocked', as: 'task', count: -1 });
    await system.lab('POST', '/faults', {
      method: 'DeleteVirtualDisk_Task',
      fault: 'FileLocked',
      match: 'erase_me',
      count: -1,
    });
    const ids = await Promise.all([
      system.begin('volume.expand', { name: 'grow_me', capacity: '2GiB' }),
      system.begin('volume.clone', { source: 'copy_me', name: 'copied' }),
      system.begin('volume.attach', { volume: 'read_me', machine: 'lab-vm-1', access: 'read-only' }),
      system.begin('volume.remove', { name: 'erase_me' }),
    ]);
    const [expand, clone, attach, remove] = await Promise.all(ids.map((id) => system.end(id, TRYING_MS)));

    expect(expand).toMatchObject({ state: 'dead', error: { code: 'file-locked', kind: 'unavailable' } });
    expect(expand?.error?.holder).toContain('lab-vm-1');
    expect(expand?.error?.message).toContain('lab-vm-1');
    expect(expand?.attempts).toHaveLength(expand?.maxAttempts ?? 0);
    expect(await disksOf(system, 'grow_me')).toMatchObject([{ capacityBytes: 1_073_741_824 }]);
    expect(await system.volume('grow_me')).toMatchObject({
      state: 'available',
      spec: { capacityBytes: 1_073_741_824 },
    });

    expect(clone).toMatchObject({ state: 'dead', error: { code: 'file-locked' } });
    expect(clone?.error?.message).toContain('lab-vm-2');
    expect(await filesWith(system, 'copied')).toEqual([]);

    expect(attach).toMatchObject({ state: 'dead', error: { code: 'file-locked' } });
    expect(attach?.error?.holder).toContain('lab-vm-2');
    expect(await devicesWith(system, 'read_me')).toMatchObject([{ vm: 'lab-vm-2' }]);
    expect(await system.volume('read_me')).toMatchObject({ state: 'in-use', holders: [{ machineName: 'lab-vm-2' }] });

    // Nobody known has it open: then the fault is all there is to tell, and the volume is whole.
    expect(remove).toMatchObject({ state: 'dead', error: { code: 'file-locked' } });
    expect(await system.volume('erase_me')).toMatchObject({ state: 'available' });
    expect(await disksOf(system, 'erase_me')).toHaveLength(1);
  });
});
