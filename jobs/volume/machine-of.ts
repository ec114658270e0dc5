import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type Moref, resourceKey } from '../../core/ids.ts';
import type { Machine, MachineDisk } from '../../core/ports/data-centre.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';

type AnyContext = StepContext<unknown, unknown>;

export const machineSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[ -~\u00a0-\uffff]+$/, 'a machine is named by its inventory name or its moref')
  .describe('A virtual machine, by its inventory name or its moref (vm-42).');

/**
 * The line of the machine as the caller named it. Two names for one machine are two lines: then vSphere's changeVersion decides between
 * them, and the one that loses tries again from a fresh read.
 */
export const machineLine = (name: string): ReturnType<typeof resourceKey> =>
  resourceKey('machine', name.replace(/^VirtualMachine:/, ''));

/** @throws `machine-not-found` */
export async function findMachine(context: AnyContext, name: Moref | string): Promise<Machine> {
  const machine = await context.dataCentre.machines.find(name, context.signal);
  if (machine === undefined) throw new StowageError('machine-not-found', `vSphere has no virtual machine "${name}"`);
  return machine;
}

/** The volume's disk in the machine: by uuid (Storage DRS may have moved and renamed it), else by path. */
export function diskIn(machine: Pick<Machine, 'disks'>, record: VolumeRecord): MachineDisk | undefined {
  const disk = record.place?.disk;
  if (disk === undefined) return undefined;
  const byUuid = disk.uuid === undefined ? undefined : machine.disks.find((each) => each.uuid === disk.uuid);
  return byUuid ?? machine.disks.find((each) => each.path === disk.path);
}
