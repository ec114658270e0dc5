import { isErrorCode, StowageError } from '../core/errors.ts';
import { type DatastorePath, type DiskUuid, type Moref, moref, parseMoref, splitMoref } from '../core/ids.ts';
import type { AttachedDisk, Machine, MachineDisk, Machines } from '../core/ports/machines.ts';
import type { VimCaller } from './caller.ts';
import { disksOf } from './devices.ts';
import { MACHINE_PATHS, machineOf, powerOf } from './machine-facts.ts';
import { readAll, readObject } from './properties.ts';
import { shareReads } from './shared-read.ts';

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

/** Reads each by itself: one that is gone meanwhile does not spoil the others. */
async function readEach(caller: VimCaller, refs: readonly Moref[], signal: AbortSignal): Promise<readonly Machine[]> {
  const found = await Promise.all(refs.map((ref) => readMachine(caller, ref, signal)));
  return found.filter((machine) => machine !== undefined);
}

async function readMachine(caller: VimCaller, ref: Moref, signal: AbortSignal): Promise<Machine | undefined> {
  const found = await readObject(caller, { type: 'VirtualMachine', ref, paths: MACHINE_PATHS }, signal);
  return found === undefined ? undefined : machineOf(found);
}

export function machineReads(caller: VimCaller): Pick<Machines, 'find' | 'findByUuid' | 'findByDisk' | 'list'> {
  // One read is the same for all disks: a hundred removals at once do not read all machines a hundred times.
  const withDisks = shareReads(() => readWithDisks(caller));
  return {
    async find(nameOrMoref, signal) {
      const ref = machineRef(nameOrMoref);
      const byRef = ref === undefined ? undefined : await readMachine(caller, ref, signal);
      if (byRef !== undefined) return byRef;
      const named = await resolveName(caller, nameOrMoref, signal);
      return named === undefined ? undefined : readMachine(caller, named, signal);
    },

    async findByUuid(uuid, signal) {
      const params = { uuid, vmSearch: true, instanceUuid: false };
      try {
        return await readEach(
          caller,
          (await caller.read('FindAllByUuid', 'searchIndex', params, { signal })) ?? [],
          signal,
        );
      } catch (error) {
        // A server without the index: by the properties of all.
        if (!isErrorCode(error, 'vcenter-unsupported')) throw error;
        const all = await readAll(
          caller,
          { type: 'VirtualMachine', paths: ['config.uuid'], pageObjects: 1_000 },
          signal,
        );
        const refs = all.filter((found) => found['config.uuid']?.toLowerCase() === uuid).map(({ ref }) => ref);
        return readEach(caller, refs, signal);
      }
    },

    async list(folder, signal) {
      const wanted = { type: 'VirtualMachine', paths: MACHINE_PATHS, below: folder } as const;
      return (await readAll(caller, wanted, signal)).map(machineOf);
    },

    async findByDisk(wanted, signal) {
      const isWanted = matcherOf(wanted);
      return (await withDisks(signal)).flatMap(({ disks, ...facts }) =>
        disks.filter(isWanted).map((disk) => ({ ...facts, disk })),
      );
    },
  };
}

async function readWithDisks(
  caller: VimCaller,
): Promise<readonly (Omit<AttachedDisk, 'disk'> & { readonly disks: readonly MachineDisk[] })[]> {
  const paths = ['name', 'runtime.powerState', 'config.hardware.device'] as const;
  const all = await readAll(caller, { type: 'VirtualMachine', paths }, undefined);
  return all.map((found) => ({
    machine: found.ref,
    name: found.name ?? found.ref,
    power: powerOf(found['runtime.powerState']),
    disks: disksOf(found['config.hardware.device'] ?? []),
  }));
}

function matcherOf(wanted: {
  readonly uuids?: readonly DiskUuid[];
  readonly paths?: readonly DatastorePath[];
}): (disk: MachineDisk) => boolean {
  const uuids = new Set(wanted.uuids ?? []);
  const paths = new Set(wanted.paths ?? []);
  return (disk) => paths.has(disk.path) || (disk.uuid !== undefined && uuids.has(disk.uuid));
}
