import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith, machineNamed } from './lab-view.ts';
import { openStranger, type Stranger } from './stranger.ts';

const ROUNDS = 20;

describe('attaching and detaching', () => {
  let system: System;
  let stranger: Stranger;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
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

  it('two machines at once: one gets it, the other is told who has it, and there is never a second device', async () => {
    await make('contested');
    for (let round = 0; round < ROUNDS; round += 1) {
      const jobs = await Promise.all([attach('contested', 'lab-vm-1'), attach('contested', 'lab-vm-2')]);
      expect(jobs.map((job) => job.state).toSorted()).toEqual(['dead', 'succeeded']);
      const winner = jobs.find((job) => job.state === 'succeeded')?.payload['machine'];
      const loser = jobs.find((job) => job.state === 'dead');
      expect(loser?.error).toMatchObject({ code: 'volume-in-use', kind: 'conflict' });
      expect(loser?.error?.holder).toContain(winner);
      expect(await devicesWith(system, 'contested')).toMatchObject([{ vm: winner }]);
      expect(await system.run('volume.detach', { volume: 'contested' })).toMatchObject({ state: 'succeeded' });
    }
  }, 240_000);

  it('a second attach to the same machine finds it done; with other access it is refused', async () => {
    await make('twice');
    const first = await attach('twice', 'lab-vm-1');
    expect(first).toMatchObject({ state: 'succeeded', result: { attached: true } });
    const { moid } = await machineNamed(system, 'lab-vm-1');
    for (const machine of ['lab-vm-1', moid, `VirtualMachine:${moid}`]) {
      const again = await attach('twice', machine);
      expect(again).toMatchObject({ state: 'succeeded', result: { attached: false, unit: first.result?.['unit'] } });
    }
    expect(await attach('twice', 'lab-vm-1', 'read-only')).toMatchObject({
      state: 'dead',
      error: { code: 'volume-in-use' },
    });
    expect(await devicesWith(system, 'twice')).toHaveLength(1);
  });

  it('attached by its name and detached by its moref', async () => {
    await make('by_moref');
    const { moid } = await machineNamed(system, 'lab-vm-2');
    expect(await attach('by_moref', moid)).toMatchObject({ state: 'succeeded', result: { machineName: 'lab-vm-2' } });
    expect(await system.run('volume.detach', { volume: 'by_moref', machine: 'lab-vm-1' })).toMatchObject({
      result: { detached: false },
    });
    expect(await system.run('volume.detach', { volume: 'by_moref', machine: 'lab-vm-2' })).toMatchObject({
      result: { detached: true },
    });
    expect(await system.run('volume.detach', { volume: 'by_moref' })).toMatchObject({
      state: 'succeeded',
      result: { detached: false },
    });
  });

  it('one machine under two names at once: both attaches succeed in slots of their own', async () => {
    const { moid } = await machineNamed(system, 'lab-vm-3');
    const names = Array.from({ length: 6 }, (_, index) => `alias-${index}`);
    await Promise.all(names.map((name) => make(name)));
    const jobs = await Promise.all(names.map((name, index) => attach(name, index % 2 === 0 ? 'lab-vm-3' : moid)));
    expect(jobs.map((job) => job.state)).toEqual(names.map(() => 'succeeded'));
    const slots = (await devicesWith(system, 'alias-')).map((device) => `${device.controllerKey}:${device.unit}`);
    expect(new Set(slots).size).toBe(names.length);
  });

  it('a machine that does not exist, or is powered off', async () => {
    await make('cold');
    expect(await attach('cold', 'no-such-machine')).toMatchObject({
      state: 'dead',
      error: { code: 'machine-not-found' },
    });
    expect(await system.volume('cold')).toMatchObject({ state: 'available' });
    expect(await attach('cold', 'lab-vm-4')).toMatchObject({ state: 'succeeded', result: { machineName: 'lab-vm-4' } });
    expect(await attach('cold', 'lab-vm-1')).toMatchObject({ state: 'dead', error: { code: 'volume-in-use' } });
    expect(await system.run('volume.remove', { name: 'cold' })).toMatchObject({ error: { code: 'volume-in-use' } });
    expect(await system.run('volume.detach', { volume: 'cold' })).toMatchObject({ state: 'succeeded' });
  });

  it('somebody else attached it, even to a machine that is off: attach and remove are refused, naming it', async () => {
    await make('outside');
    await stranger.attach('outside', 'lab-vm-4');
    for (const job of [await attach('outside', 'lab-vm-1'), await system.run('volume.remove', { name: 'outside' })]) {
      expect(job).toMatchObject({ state: 'dead', error: { code: 'volume-in-use', kind: 'conflict' } });
      expect(job.error?.holder).toContain('lab-vm-4');
    }
    expect(await devicesWith(system, 'outside')).toMatchObject([{ vm: 'lab-vm-4' }]);
    expect(await system.volume('outside')).toMatchObject({ state: 'available' });
    await stranger.detach('outside', 'lab-vm-4');
    expect(await attach('outside', 'lab-vm-1')).toMatchObject({ state: 'succeeded' });
  });

  it('the device is gone already: detaching succeeds', async () => {
    await make('vanished');
    await attach('vanished', 'lab-vm-1');
    await stranger.detach('vanished', 'lab-vm-1');
    expect(await system.run('volume.detach', { volume: 'vanished' })).toMatchObject({ state: 'succeeded' });
    expect(await system.volume('vanished')).toMatchObject({ state: 'available', holders: [] });
    expect(await attach('vanished', 'lab-vm-2')).toMatchObject({ state: 'succeeded' });
  });
});
