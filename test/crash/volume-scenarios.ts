import type { JsonObject } from '../../core/job.ts';
import type { Scenario, VolumeAfter } from './scenario.ts';
import type { Stage } from './stage.ts';

const MIB = 1_048_576;
const SIZE = { Capacity: '8MiB' };
const NFS = { VolumeStore: 'nfs' };

const sourceOf = (name: string): string => `source.${name}`;

export const wholeVolume = (name: string, devices = 0): VolumeAfter => ({
  type: 'volume',
  name,
  state: devices > 0 ? 'in-use' : 'available',
  backing: 'block',
  capacityBytes: 8 * MIB,
  devices,
});
const directory = (name: string): VolumeAfter => ({ type: 'volume', name, state: 'available', backing: 'files' });
const gone = (name: string): VolumeAfter => ({ type: 'volume', name, state: undefined });

const make = (name: string, options: JsonObject = SIZE) => ({ name, options });

export async function makeFirst(stage: Stage, name: string, options?: JsonObject): Promise<void> {
  await stage.succeed('volume.create', make(name, options));
}

/** Refused for good, only where this volume is named. */
async function refuse(stage: Stage, method: string, name: string): Promise<void> {
  await stage.system.lab('POST', '/faults', { method, fault: 'NoPermission', count: -1, match: `/${name}.vmdk` });
}

async function attachFirst(stage: Stage, name: string): Promise<void> {
  await makeFirst(stage, name);
  await stage.succeed('volume.attach', { volume: name, machine: stage.machine });
}

/** By kind. */
export const VOLUME_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'volume.create': [
    { title: 'create-block', payload: (name) => make(name), after: (name) => [wholeVolume(name)] },
    { title: 'create-nfs', payload: (name) => make(name, NFS), after: (name) => [directory(name)] },
    {
      title: 'create-pod',
      payload: (name) => make(name, { ...SIZE, VolumeStore: 'pod' }),
      after: (name) => [wholeVolume(name)],
    },
    {
      title: 'create-refused',
      setup: (stage, name) => refuse(stage, 'CreateVirtualDisk_Task', name),
      payload: (name) => make(name),
      ends: 'dead',
      after: (name) => [gone(name)],
    },
    {
      title: 'create-undone',
      setup: (stage, name) => refuse(stage, 'QueryVirtualDiskUuid', name),
      payload: (name) => make(name),
      ends: 'dead',
      after: (name) => [gone(name)],
    },
    {
      title: 'create-cancelled',
      payload: (name) => make(name),
      cancelAt: 'after disks.create',
      ends: 'cancelled',
      after: (name) => [gone(name)],
    },
  ],
  'volume.clone': [
    {
      title: 'clone-block',
      setup: (stage, name) => makeFirst(stage, sourceOf(name)),
      payload: (name) => ({ name, source: sourceOf(name), options: {} }),
      after: (name) => [wholeVolume(name), wholeVolume(sourceOf(name))],
    },
    {
      title: 'clone-nfs',
      setup: (stage, name) => makeFirst(stage, sourceOf(name), NFS),
      payload: (name) => ({ name, source: sourceOf(name), options: NFS }),
      after: (name) => [directory(name), directory(sourceOf(name))],
    },
    {
      title: 'clone-cancelled',
      setup: (stage, name) => makeFirst(stage, sourceOf(name)),
      payload: (name) => ({ name, source: sourceOf(name), options: {} }),
      cancelAt: 'after disks.copy',
      ends: 'cancelled',
      after: (name) => [gone(name), wholeVolume(sourceOf(name))],
    },
  ],
  'volume.remove': [
    { title: 'remove-block', setup: makeFirst, payload: (name) => ({ name }), after: (name) => [gone(name)] },
    {
      title: 'remove-nfs',
      setup: (stage, name) => makeFirst(stage, name, NFS),
      payload: (name) => ({ name }),
      after: (name) => [gone(name)],
    },
    {
      title: 'remove-refused',
      setup: async (stage, name) => {
        await makeFirst(stage, name);
        await refuse(stage, 'DeleteVirtualDisk_Task', name);
      },
      payload: (name) => ({ name }),
      ends: 'dead',
      after: (name) => [wholeVolume(name)],
    },
  ],
  'volume.expand': [
    {
      title: 'expand-detached',
      setup: makeFirst,
      payload: (name) => ({ name, capacity: '12MiB' }),
      after: (name) => [{ ...wholeVolume(name), capacityBytes: 12 * MIB }],
    },
    {
      title: 'expand-attached',
      setup: attachFirst,
      payload: (name) => ({ name, capacity: '12MiB' }),
      after: (name) => [{ ...wholeVolume(name, 1), capacityBytes: 12 * MIB }],
    },
  ],
  'volume.attach': [
    {
      title: 'attach',
      setup: makeFirst,
      payload: (name, stage) => ({ volume: name, machine: stage.machine }),
      after: (name) => [wholeVolume(name, 1)],
    },
    {
      title: 'attach-cancelled',
      setup: makeFirst,
      payload: (name, stage) => ({ volume: name, machine: stage.machine }),
      cancelAt: 'after machines.attach',
      ends: 'cancelled',
      after: (name) => [wholeVolume(name)],
    },
  ],
  'volume.detach': [
    {
      title: 'detach',
      setup: attachFirst,
      payload: (name) => ({ volume: name }),
      after: (name) => [wholeVolume(name)],
    },
  ],
};
