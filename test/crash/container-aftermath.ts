import { expect } from 'vitest';
import { type ContainerRecord, CONTAINER_KEYS, type ContainerStatus } from '../../core/container.ts';
import { machineUuidOf, parseContainerId, parseMachineUuid } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { System } from '../harness/system.ts';
import { eventually, filesWith, type LabMachine, machineConfigs } from '../system/lab-view.ts';
import type { ContainerAfter } from './scenario.ts';
import type { CrashSystem } from './stage.ts';

const POWER: Readonly<Record<string, string>> = { running: 'poweredOn', paused: 'suspended' };

/** By the name that it has now, else by what the job says. */
export async function containerIdOf(system: System, called: string, job: Job): Promise<string> {
  const owner = await system.store.records.read('container-name', called);
  const { id } = job.payload;
  if (owner !== undefined) return owner.record.container;
  if (typeof id !== 'string') throw new Error(`there is no container ${called}`);
  return id;
}

/** Record, name, machine, its own words and its devices agree, and there is one of each; or nothing is there. */
export async function expectContainer(
  crash: CrashSystem,
  { after, job, at }: { readonly after: ContainerAfter; readonly job: Job; readonly at: string },
): Promise<void> {
  const { system } = crash;
  const id = await containerIdOf(system, after.name, job);
  const record = (await system.store.records.read('container', id))?.record;
  const machines = await machinesOf(system, id);
  if (after.state === undefined) return expectGone(system, { after, job, at, id, record, machines });
  expect(record, `record of container ${after.name} ${at}`).toMatchObject({ state: after.state, called: after.name });
  if (record === undefined) return;
  expect(record.error === undefined, `${after.name} ${at}: ${record.error ?? ''}`).toBe(after.hasError !== true);
  expect(machines, `machines of ${after.name} ${at}`).toMatchObject([
    { name: after.name, power: POWER[after.state] ?? 'poweredOff' },
  ]);
  const [machine] = machines;
  if (machine !== undefined) await expectDevices(system, { after, record, machine, at });
  for (const { volume } of record.spec.mounts) {
    expect(await system.volume(volume), `volume ${volume} of ${after.name} ${at}`).toBeDefined();
  }
}

async function machinesOf(system: System, id: string): Promise<readonly LabMachine[]> {
  const container = parseContainerId(id);
  if (container === undefined) throw new Error(`${id} is no container's id`);
  const uuid = machineUuidOf(container);
  const all = (await system.lab('GET', '/vms')) as readonly LabMachine[];
  return all.filter((each) => parseMachineUuid(each.uuid) === uuid);
}

async function expectGone(
  system: System,
  seen: {
    readonly after: ContainerAfter;
    readonly job: Job;
    readonly at: string;
    readonly id: string;
    readonly record: ContainerRecord | undefined;
    readonly machines: readonly LabMachine[];
  },
): Promise<void> {
  const { after, at, id, record, machines } = seen;
  const name = await system.store.records.read('container-name', after.name);
  const files = await filesWith(system, `containers/${id}`);
  expect({ record, machines, name, files }, `container ${after.name} ${at}`).toEqual({
    record: undefined,
    machines: [],
    name: undefined,
    files: [],
  });
  const mounts = (seen.job.payload['mounts'] ?? []) as readonly { volume?: string; anonymous?: boolean }[];
  for (const { volume = '' } of mounts.filter(({ anonymous }) => anonymous === true)) {
    await eventually(
      `${volume}, anonymous volume of ${after.name}, to be gone ${at}`,
      async () => (await system.volume(volume)) === undefined,
    );
  }
}

/** Layers, the scratch disk, and the volumes that it has now; and the machine's own configuration says the same as the record. */
async function expectDevices(
  system: System,
  seen: {
    readonly after: ContainerAfter;
    readonly record: ContainerRecord;
    readonly machine: LabMachine;
    readonly at: string;
  },
): Promise<void> {
  const { after, record, machine, at } = seen;
  const disks = machine.devices.flatMap(({ disk }) => (disk === undefined ? [] : [disk]));
  const isRunning = POWER[record.state] !== undefined;
  const volumes = isRunning ? record.spec.mounts.filter(({ backing }) => backing === 'block') : [];
  const expected = [
    ...(after.isStripped === true ? [] : [expect.stringContaining('/layers/') as string]),
    `[shared-1] stowage/containers/${record.name}/scratch.vmdk`,
    ...volumes.map(({ volume }) => expect.stringContaining(`/volumes/${volume}/`) as string),
  ];
  expect(disks, `disks of ${after.name} ${at}`).toHaveLength(expected.length);
  expect(disks, `disks of ${after.name} ${at}`).toEqual(expect.arrayContaining(expected));
  if (after.isStripped === true) return;
  const status = JSON.parse(
    (await machineConfigs(system, machine))[CONTAINER_KEYS.status] ?? 'null',
  ) as ContainerStatus;
  const { called, settings, run } = record;
  expect(status, `status of ${after.name} ${at}`).toEqual({ called, settings, run });
}
