import { StowageError } from '../core/errors.ts';
import { type DatastorePath, type DiskUuid, type Moref, moref, parseMoref, splitMoref, taskRef } from '../core/ids.ts';
import type { Machine, MachineDisk, Machines, PowerState } from '../core/ports/data-centre.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { VimCaller } from './caller.ts';
import { attachChanges, controllersOf, detachChanges, disksOf, extendChanges } from './devices.ts';
import { toKib } from './disks.ts';
import { type Found, readAll, readObject } from './properties.ts';
import type { Vim } from './schema/vim.ts';

const PATHS = [
  'name',
  'config.changeVersion',
  'config.hardware.device',
  'runtime.powerState',
  'runtime.connectionState',
  'runtime.host',
] as const;

const POWER_STATES = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' } as const;

const powerOf = (state: keyof typeof POWER_STATES | undefined): PowerState => POWER_STATES[state ?? 'poweredOff'];

function machineOf(found: Found<'VirtualMachine', (typeof PATHS)[number]>): Machine {
  const devices = found['config.hardware.device'] ?? [];
  const host = found['runtime.host'];
  return {
    ref: found.ref,
    name: found.name ?? found.ref,
    changeVersion: found['config.changeVersion'] ?? '',
    power: powerOf(found['runtime.powerState']),
    connected: found['runtime.connectionState'] === 'connected',
    ...(host === undefined ? {} : { host }),
    controllers: controllersOf(devices),
    disks: disksOf(devices),
  };
}

/** `VirtualMachine:vm-42`, or `vm-42` alone; undefined when it can only be a name. */
function machineRef(nameOrMoref: string): Moref | undefined {
  const given = parseMoref(nameOrMoref);
  if (given !== undefined) return splitMoref(given).type === 'VirtualMachine' ? given : undefined;
  return /^vm-\d+$/.test(nameOrMoref) ? moref('VirtualMachine', nameOrMoref) : undefined;
}

/** vSphere keeps `/`, `\\` and `%` in names as `%2f`, `%5c` and `%25`. */
function plainName(name: string | undefined): string | undefined {
  return name?.replaceAll(/%(?:2f|5c|25)/gi, decodeURIComponent);
}

async function resolveName(caller: VimCaller, name: string, signal: AbortSignal): Promise<Moref | undefined> {
  const all = await readAll(caller, { type: 'VirtualMachine', paths: ['name'], pageObjects: 1_000 }, signal);
  const [found, ...others] = all.filter((machine) => machine.name === name || plainName(machine.name) === name);
  if (found !== undefined && others.length > 0) {
    const refs = [found, ...others].map((machine) => machine.ref).join(', ');
    throw new StowageError('vcenter-invalid', `several machines are named ${name}, give one by its moref: ${refs}`);
  }
  return found?.ref;
}

export function createMachines(caller: VimCaller): Machines {
  const read = async (ref: Moref, signal: AbortSignal): Promise<Machine | undefined> => {
    const found = await readObject(caller, { type: 'VirtualMachine', ref, paths: PATHS }, signal);
    return found === undefined ? undefined : machineOf(found);
  };

  const reconfigure = async (
    at: { readonly machine: Moref; readonly changeVersion: string },
    deviceChange: Vim<'VirtualMachineConfigSpec'>['deviceChange'],
    fence: Fence,
  ) => {
    const spec = { ...(at.changeVersion === '' ? {} : { changeVersion: at.changeVersion }), deviceChange };
    return taskRef(await caller.change('ReconfigVM_Task', at.machine, { spec }, fence));
  };

  return {
    async find(nameOrMoref, signal) {
      const ref = machineRef(nameOrMoref);
      const byRef = ref === undefined ? undefined : await read(ref, signal);
      if (byRef !== undefined) return byRef;
      const named = await resolveName(caller, nameOrMoref, signal);
      return named === undefined ? undefined : read(named, signal);
    },

    async findByDisk(wanted, signal) {
      const paths = ['name', 'runtime.powerState', 'config.hardware.device'] as const;
      const all = await readAll(caller, { type: 'VirtualMachine', paths }, signal);
      const isWanted = matcherOf(wanted);
      return all.flatMap((found) => {
        const facts = {
          machine: found.ref,
          name: found.name ?? found.ref,
          power: powerOf(found['runtime.powerState']),
        };
        return disksOf(found['config.hardware.device'] ?? [])
          .filter(isWanted)
          .map((disk) => ({ ...facts, disk }));
      });
    },

    attach: (spec, fence) => reconfigure(spec, attachChanges(spec.path, spec.slot, spec.mode), fence),

    detach: (spec, fence) => reconfigure(spec, detachChanges(spec.diskKey), fence),

    async extend(spec, fence) {
      const wanted = { type: 'VirtualMachine', ref: spec.machine, paths: ['config.hardware.device'] } as const;
      const found = await readObject(caller, wanted, fence.signal);
      const capacityBytes = toKib(spec.capacityBytes) * 1_024;
      const changes = extendChanges(found?.['config.hardware.device'] ?? [], spec.diskKey, capacityBytes);
      if (changes === undefined) {
        throw new StowageError(
          'vcenter-not-found',
          `${spec.machine} has no disk ${spec.diskKey} that could be extended`,
        );
      }
      return reconfigure(spec, changes, fence);
    },
  };
}

function matcherOf(wanted: {
  readonly uuids?: readonly DiskUuid[];
  readonly paths?: readonly DatastorePath[];
}): (disk: MachineDisk) => boolean {
  const uuids = new Set(wanted.uuids ?? []);
  const paths = new Set(wanted.paths ?? []);
  return (disk) => paths.has(disk.path) || (disk.uuid !== undefined && uuids.has(disk.uuid));
}
