import { expect } from 'vitest';
import { pino } from 'pino';
import type { JsonObject } from '../../core/job.ts';
import { connectDataCentre } from '../../vsphere/connect.ts';
import { testFence } from '../harness/data-centre.ts';
import { pullFirst } from './image-scenarios.ts';
import type { After, Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { wholeVolume } from './volume-scenarios.ts';

// Containers that a host left behind. Hosts stay up here, since all scenarios of a round share them: what a lost host leaves is made by hand.

interface LabVm {
  readonly name: string;
  readonly moid: string;
  readonly host: string;
  readonly power: string;
}

const volumeOf = (name: string): string => `vol.${name}`;

async function vmsOf(stage: Stage, name: string): Promise<readonly LabVm[]> {
  return ((await stage.system.lab('GET', '/vms')) as readonly LabVm[]).filter((vm) => vm.name === name);
}

async function running(stage: Stage, name: string): Promise<void> {
  await pullFirst(stage, name);
  const mounts = [{ volume: volumeOf(name), destination: '/data', options: { Capacity: '8MiB' } }];
  await stage.succeed('container.create', { image: `${name}:1`, name, command: ['/x'], mounts });
  await stage.succeed('container.start', { container: name });
}

/** Off, though it should run: as on a host that crashed and came back. */
async function leftOff(stage: Stage, name: string): Promise<void> {
  await running(stage, name);
  await stage.system.lab('POST', `/vms/${name}/power`, { on: false });
}

/** And out of the inventory: as between two registrations. */
async function leftOut(stage: Stage, name: string): Promise<void> {
  await leftOff(stage, name);
  const { url, user, password } = stage.system.vcenter;
  const dataCentre = await connectDataCentre({
    url,
    user,
    password,
    trust: 'system',
    logger: pino({ level: 'silent' }),
  });
  const [vm] = await vmsOf(stage, name);
  const machine = await dataCentre.machines.find(vm?.moid ?? '', AbortSignal.timeout(30_000));
  if (machine === undefined) throw new Error(`there is no machine ${name}`);
  await dataCentre.machines.unregister(machine.ref, testFence());
  await dataCentre.close();
}

/** Runs once, with its volume. */
async function runsOnce(name: string, stage: Stage): Promise<readonly After[]> {
  expect(await vmsOf(stage, name), name).toMatchObject([{ power: 'poweredOn' }]);
  const owner = await stage.system.store.records.read('container-name', name);
  const own = await stage.system.store.records.read('container', owner?.record.container ?? '');
  expect(own?.record, name).toMatchObject({ state: 'running', run: { wanted: 'running' } });
  return [wholeVolume(volumeOf(name), 1)];
}

const recover = (name: string): JsonObject => ({ container: name, reason: 'host-lost' });

async function hostOf(name: string, stage: Stage): Promise<JsonObject> {
  return { host: (await vmsOf(stage, name))[0]?.host ?? '' };
}

const DRAINED = { host: 'esx-2.lab' };

/** By kind. */
export const RECOVERY_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'container.recover': [
    { title: 'recover-off', setup: leftOff, payload: recover, after: runsOnce },
    { title: 'recover-out', setup: leftOut, payload: recover, after: runsOnce },
  ],
  'host.recover': [{ title: 'recover-host', setup: leftOff, payload: hostOf, after: runsOnce }],
  'host.drain': [
    {
      title: 'drain',
      // Empty, so that each run has the same boundaries: each container that it moves is one more.
      setup: async (stage) => {
        await stage.succeed('host.drain', DRAINED);
        await stage.succeed('host.undrain', DRAINED);
      },
      payload: () => DRAINED,
      after: () => [],
    },
  ],
  'host.undrain': [
    {
      title: 'undrain',
      setup: (stage) => stage.succeed('host.drain', { host: 'esx-3.lab' }),
      payload: () => ({ host: 'esx-3.lab' }),
      after: () => [],
    },
  ],
};
