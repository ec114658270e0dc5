import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { devicesWith, type LabDevice, machineNamed } from './lab-view.ts';

const MACHINE = 'lab-vm-2';
const UNITS = 15;
const CONTROLLERS = 4;

describe('the slots of a machine', { timeout: 240_000 }, () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
  });
  afterAll(() => system.close());

  const names = (from: number, to: number): readonly string[] =>
    Array.from({ length: to - from }, (_, index) => `slot-${from + index}`);
  const run = (kind: string, payloads: readonly Record<string, string>[]): Promise<readonly Job[]> =>
    Promise.all(payloads.map((payload) => system.run(kind, payload, 200_000)));
  const scsi = async (): Promise<readonly LabDevice[]> =>
    (await machineNamed(system, MACHINE)).devices.filter((device) => device.type.endsWith('SCSIController'));

  it('20 attaches at once: distinct slots, never unit 7, a second controller when the first is full', async () => {
    await run(
      'volume.create',
      names(0, 20).map((name) => ({ name })),
    );
    expect(await scsi()).toHaveLength(1);
    const jobs = await run(
      'volume.attach',
      names(0, 20).map((volume) => ({ volume, machine: MACHINE })),
    );
    expect(jobs.map((job) => job.state)).toEqual(jobs.map(() => 'succeeded'));
    const devices = await devicesWith(system, 'slot-');
    expect(new Set(devices.map((device) => `${device.controllerKey}:${device.unit}`)).size).toBe(20);
    expect(devices.filter((device) => device.unit === 7)).toEqual([]);
    expect(await scsi()).toMatchObject([
      { type: 'ParaVirtualSCSIController', bus: 0 },
      { type: 'ParaVirtualSCSIController', bus: 1 },
    ]);
    for (const [index, { result }] of jobs.entries()) {
      const device = devices.find(({ disk }) => disk?.endsWith(`/slot-${index}.vmdk`) === true);
      expect(result).toMatchObject({ controllerKey: device?.controllerKey, unit: device?.unit, diskKey: device?.key });
    }
  });

  it('all 60 taken: the next is refused with a clear error and stays available; one freed, it fits', async () => {
    const limit = UNITS * CONTROLLERS;
    await run(
      'volume.create',
      names(20, limit + 1).map((name) => ({ name })),
    );
    const jobs = await run(
      'volume.attach',
      names(20, limit).map((volume) => ({ volume, machine: MACHINE })),
    );
    expect(jobs.map((job) => job.state)).toEqual(jobs.map(() => 'succeeded'));
    expect(await devicesWith(system, 'slot-')).toHaveLength(limit);
    expect(await scsi()).toHaveLength(CONTROLLERS);

    const last = `slot-${limit}`;
    const refused = await system.run('volume.attach', { volume: last, machine: MACHINE });
    expect(refused).toMatchObject({ state: 'dead', error: { code: 'machine-full', kind: 'conflict' } });
    expect(refused.error?.message).toContain(MACHINE);
    expect(refused.attempts).toHaveLength(1);
    expect(await system.volume(last)).toMatchObject({ state: 'available', holders: [] });

    expect(await system.run('volume.detach', { volume: 'slot-33' })).toMatchObject({ state: 'succeeded' });
    expect(await system.run('volume.attach', { volume: last, machine: MACHINE })).toMatchObject({ state: 'succeeded' });
  });
});
