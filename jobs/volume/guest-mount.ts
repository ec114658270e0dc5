import { CONTAINER_KEYS } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type Moref, parseContainerId, type VolumeName } from '../../core/ids.ts';
import type { AccessMode, VolumeRecord } from '../../core/volume.ts';
import { guestsOf } from '../container/guest.ts';
import type { StepContext } from '../define.ts';

// A volume that is attached to the machine of a running container is mounted in it, and unmounted before its disk goes. Both calls bear
// to come twice.

type AnyContext = StepContext<unknown, unknown>;

/** In whose container, and through whom; undefined: nobody runs in the machine. */
async function insideOf(context: AnyContext, ref: Moref) {
  if (context.guests === undefined) return undefined;
  const machine = await context.dataCentre.machines.find(ref, context.signal);
  const guests = guestsOf(context, machine);
  const container = parseContainerId(machine?.extraConfig[CONTAINER_KEYS.id] ?? '');
  if (machine?.power !== 'on' || guests === undefined || container === undefined) return undefined;
  return { machine, guests, container };
}

export const defaultMountPath = (volume: VolumeName): string => `/mnt/${volume}`;

/** @returns where; undefined: there is nobody who could */
export async function mountInGuest(
  context: AnyContext,
  record: VolumeRecord,
  at: { readonly machine: Moref; readonly path: string; readonly access: AccessMode },
): Promise<string | undefined> {
  const inside = await insideOf(context, at.machine);
  const uuid = record.place?.disk?.uuid;
  if (inside === undefined || uuid === undefined) return undefined;
  const { guests, container } = inside;
  const params = { volume: record.name, uuid, destination: at.path, access: at.access };
  await guests.call(container, 'mount', params, context.signal);
  return at.path;
}

/** @throws `guest-conflict` while somebody in the container uses it */
export async function unmountInGuest(context: AnyContext, record: VolumeRecord, ref: Moref): Promise<void> {
  const inside = await insideOf(context, ref);
  const uuid = record.place?.disk?.uuid;
  if (inside === undefined || uuid === undefined) return;
  try {
    await inside.guests.call(inside.container, 'unmount', { uuid }, context.signal);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'guest-unreachable')) throw thrown;
    throw new StowageError(
      'guest-unreachable',
      `the guest of ${inside.machine.name} does not answer, and volume ${record.name} is not taken out of it unasked: stop the container`,
      { cause: thrown },
    );
  }
}
