import { CONTAINER_KEYS, type ContainerRecord } from '../../core/container.ts';
import { isErrorCode } from '../../core/errors.ts';
import type { DatastorePath } from '../../core/ids.ts';
import type { Machine, NewDisk } from '../../core/ports/machines.ts';
import type { StepContext } from '../define.ts';
import { findElsewhere } from '../volume/find-disk.ts';
import { diskIn } from '../volume/machine-of.ts';
import { chooseSlots } from '../volume/slots.ts';
import { encodeStatus } from './documents.ts';
import { guestsOf, secretOf } from './guest.ts';
import { guestDisks } from './guest-disks.ts';
import type { Mounted } from './leases.ts';

type AnyContext = StepContext<unknown, unknown>;
type Status = Pick<ContainerRecord, 'called' | 'settings' | 'run'>;

/**
 * Gives the machine the volumes that it lacks, and writes the container's status, in one Task. Of disks that are not where their records
 * say, the new places are looked for.
 */
export async function plugIn(
  context: AnyContext,
  machine: Machine,
  { record, mounted }: { readonly record: ContainerRecord; readonly mounted: readonly Mounted[] },
): Promise<void> {
  const guest =
    guestsOf(context, machine) === undefined
      ? {}
      : {
          [CONTAINER_KEYS.disks]: JSON.stringify(await guestDisks(context, machine, { record, mounted })),
          ...secretOf(context, record.name),
        };
  const missing = mounted.filter(({ found }) => diskIn(machine, found.record) === undefined);
  const known = missing.map(({ found }) => found.record.place?.disk?.path);
  const attach = (paths: readonly (DatastorePath | undefined)[]): Promise<void> =>
    reconfigure(context, machine, {
      status: record,
      attach: disksFor(machine, missing, paths),
      guest,
    });
  try {
    await attach(known);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-not-found') || missing.length === 0) throw thrown;
    const paths = await Promise.all(missing.map(({ found }) => findElsewhere(context, found.record)));
    if (paths.every((path) => path === undefined)) throw thrown;
    // What a first Task found missing it has not changed, so a second one is safe.
    await attach(paths.map((path, at) => path ?? known[at]));
  }
}

function disksFor(
  machine: Machine,
  missing: readonly Mounted[],
  paths: readonly (DatastorePath | undefined)[],
): readonly NewDisk[] {
  const slots = chooseSlots(machine, missing.length);
  return missing.flatMap(({ access }, at): readonly NewDisk[] => {
    const path = paths[at];
    const slot = slots[at];
    if (path === undefined || slot === undefined) return [];
    return [{ path, slot, mode: access === 'read-only' ? 'independent_nonpersistent' : 'independent_persistent' }];
  });
}

/** Takes the volumes out of the machine (files stay) and writes the container's status, in one Task. */
export async function unplug(
  context: AnyContext,
  machine: Machine,
  { status, mounted }: { readonly status: Status; readonly mounted: readonly Mounted[] },
): Promise<void> {
  const keys = mounted.flatMap(({ found }) => {
    const disk = diskIn(machine, found.record);
    return disk === undefined ? [] : [disk.key];
  });
  await reconfigure(context, machine, { status, detachKeys: keys });
}

type Change = { readonly attach?: readonly NewDisk[]; readonly detachKeys?: readonly number[] };

async function reconfigure(
  context: AnyContext,
  machine: Machine,
  { status, guest, ...change }: Change & { readonly status: Status; readonly guest?: Machine['extraConfig'] },
): Promise<void> {
  const extraConfig = {
    [CONTAINER_KEYS.status]: encodeStatus(status),
    // What the guest said of an earlier run is not said of the next.
    ...(status.run.wanted === 'running'
      ? { [CONTAINER_KEYS.exit]: '', [CONTAINER_KEYS.failure]: '', [CONTAINER_KEYS.visit]: '' }
      : {}),
    ...guest,
  };
  const isSo = Object.values(change).every((list) => list.length === 0) && says(machine, extraConfig);
  if (isSo) return;
  const { ref, changeVersion } = machine;
  await context.task(() =>
    context.dataCentre.machines.reconfigure({ machine: ref, changeVersion, ...change, extraConfig }, context.fence),
  );
}

/** Whether its configuration has these values; '' : not at all. */
export function says(machine: Pick<Machine, 'extraConfig'>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => (machine.extraConfig[key] ?? '') === value);
}
