import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith } from './lab-view.ts';
import { openStranger, type Stranger } from './stranger.ts';

describe('who may have a volume', () => {
  let system: System;
  let stranger: Stranger;
  beforeAll(async () => {
    system = await startSystem();
    stranger = await openStranger(system);
  });
  afterAll(async () => {
    await stranger.close();
    await system.close();
  });

  const make = async (name: string, options: Record<string, string> = {}): Promise<void> => {
    expect(await system.run('volume.create', { name, options })).toMatchObject({ state: 'succeeded' });
  };
  const attach = (volume: string, machine: string, access?: string): Promise<Job> =>
    system.run('volume.attach', { volume, machine, ...(access === undefined ? {} : { access }) });

  it('several readers share it; a writer is refused beside them, and they are named', async () => {
    await make('shared');
    for (const machine of ['lab-vm-1', 'lab-vm-2', 'lab-vm-3']) {
      expect(await attach('shared', machine, 'read-only')).toMatchObject({
        state: 'succeeded',
        result: { access: 'read-only' },
      });
    }
    expect(await devicesWith(system, 'shared')).toMatchObject(
      ['lab-vm-1', 'lab-vm-2', 'lab-vm-3'].map((vm) => ({ vm, mode: 'independent_nonpersistent' })),
    );
    const writer = await attach('shared', 'lab-vm-4', 'read-write');
    expect(writer).toMatchObject({ state: 'dead', error: { code: 'volume-in-use' } });
    for (const machine of ['lab-vm-1', 'lab-vm-2', 'lab-vm-3']) expect(writer.error?.holder).toContain(machine);
    expect(await system.run('volume.expand', { name: 'shared', capacity: '2GB' })).toMatchObject({
      error: { code: 'volume-in-use' },
    });

    const unnamed = await system.run('volume.detach', { volume: 'shared' });
    expect(unnamed).toMatchObject({ state: 'dead', error: { code: 'volume-in-use' } });
    expect(unnamed.error?.message).toContain('lab-vm-2');
    for (const machine of ['lab-vm-2', 'lab-vm-1']) {
      expect(await system.run('volume.detach', { volume: 'shared', machine })).toMatchObject({ state: 'succeeded' });
    }
    expect(await system.volume('shared')).toMatchObject({ state: 'in-use', holders: [{ machineName: 'lab-vm-3' }] });
    await system.run('volume.detach', { volume: 'shared' });
    expect(await attach('shared', 'lab-vm-4', 'read-write')).toMatchObject({ state: 'succeeded' });
  });

  it('a reader is refused beside a writer', async () => {
    await make('written');
    await attach('written', 'lab-vm-1');
    const reader = await attach('written', 'lab-vm-2', 'read-only');
    expect(reader).toMatchObject({ state: 'dead', error: { code: 'volume-in-use' } });
    expect(reader.error?.holder).toContain('lab-vm-1');
    expect(await devicesWith(system, 'written')).toMatchObject([{ vm: 'lab-vm-1' }]);
  });

  it('a volume made read-only is attached so, and never to be written', async () => {
    await make('fixed', { access: 'read-only' });
    expect(await attach('fixed', 'lab-vm-1')).toMatchObject({ state: 'succeeded', result: { access: 'read-only' } });
    const writer = await attach('fixed', 'lab-vm-2', 'read-write');
    expect(writer).toMatchObject({ state: 'dead', error: { code: 'operation-unsupported', kind: 'unsupported' } });
    expect(writer.error?.message).toContain('read-only');
  });

  it('a volume on NFS is no device: unsupported, and the message says where it is mounted from', async () => {
    await make('directory', { VolumeStore: 'nfs' });
    const job = await attach('directory', 'lab-vm-1');
    expect(job).toMatchObject({ state: 'dead', error: { code: 'operation-unsupported', kind: 'unsupported' } });
    expect(job.error?.message).toContain('[nfs-1] stowage/volumes/directory');
    expect(await system.volume('directory')).toMatchObject({ state: 'available' });
    expect(await system.run('volume.expand', { name: 'directory', capacity: '20GB' })).toMatchObject({
      error: { code: 'operation-unsupported' },
    });
  });

  it('the machine is gone: detaching succeeds', async () => {
    await system.lab('POST', '/vms', { count: 1, prefix: 'gone', poweredOn: false });
    await make('orphan');
    expect(await attach('orphan', 'gone-1')).toMatchObject({ state: 'succeeded' });
    await stranger.unregister('gone-1');
    expect(await system.run('volume.detach', { volume: 'orphan' })).toMatchObject({ state: 'succeeded' });
    expect(await system.volume('orphan')).toMatchObject({ state: 'available', holders: [] });
  });

  it('a name that several machines have is refused, with their morefs', async () => {
    await system.lab('POST', '/vms', { count: 2, prefix: 'twin', poweredOn: false });
    await stranger.reRegisterAs('twin-2', 'twin-1');
    await make('ambiguous');
    const job = await attach('ambiguous', 'twin-1');
    expect(job).toMatchObject({ state: 'dead', error: { kind: 'invalid' } });
    expect(job.attempts).toHaveLength(1);
    expect(job.error?.message).toMatch(/VirtualMachine:vm-\d+, VirtualMachine:vm-\d+/);
    expect(await system.volume('ambiguous')).toMatchObject({ state: 'available' });
  });
});
