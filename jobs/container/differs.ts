import type { ContainerRecord } from '../../core/container.ts';
import type { WatchedMachine } from '../../core/ports/machines.ts';
import type { ContainerState } from '../../core/states.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { diskIn } from '../volume/machine-of.ts';
import { calledOtherwise, LOST } from './sync-see.ts';

// Pure: whether a container's record and its machine say different things, so that `container.sync` has something to do.

/** A job is at it, or will be: what it does to the machine is its own. */
const UNDER_WAY: readonly ContainerState[] = ['creating', 'removing', 'recovering', 'removed'];

/**
 * Why the container is to be compared in its own line; undefined: they agree, or nothing can be said.
 *
 * @param machine undefined: vCenter has none
 * @param volumes those records of its volumes that there are
 */
export function differs(
  record: ContainerRecord,
  machine: WatchedMachine | undefined,
  volumes: readonly VolumeRecord[],
): string | undefined {
  if (record.machine === undefined || UNDER_WAY.includes(record.state)) return undefined;
  if (machine === undefined) return record.state === 'dead' && record.error === LOST ? undefined : 'no machine';
  if (!machine.connected) return undefined;
  return (
    powerDiffers(record, machine) ??
    namesDiffer(record, machine) ??
    volumes.map((volume) => volumeDiffers(record, machine, volume)).find((reason) => reason !== undefined)
  );
}

function powerDiffers({ state, error }: ContainerRecord, { power }: WatchedMachine): string | undefined {
  const expected = { running: 'on', paused: 'suspended', created: 'off', exited: 'off' } as const;
  const isSo =
    state in expected
      ? expected[state as keyof typeof expected] === power
      : // Dead for another reason, and off: it waits for a person.
        state === 'dead' && power === 'off' && error !== LOST;
  return isSo ? undefined : `${state}, and its machine is ${power}`;
}

function namesDiffer({ called, flag }: ContainerRecord, { name }: WatchedMachine): string | undefined {
  const [told = ''] = /its machine is called .* in vSphere$/.exec(flag?.reason ?? '') ?? [];
  const amiss = name === called ? '' : calledOtherwise(name);
  return told === amiss ? undefined : `called ${name}`;
}

function volumeDiffers(record: ContainerRecord, machine: WatchedMachine, volume: VolumeRecord): string | undefined {
  if (!record.spec.mounts.some((mount) => mount.volume === volume.name && mount.backing === 'block')) return undefined;
  const disk = diskIn(machine, volume);
  const isHeld = volume.holders.some((holder) => holder.machine === machine.ref && holder.diskKey === disk?.key);
  const isNamed = volume.holders.some(({ machine: ref }) => ref === machine.ref || ref === record.machine?.ref);
  const isTold = record.flag?.reason.includes(` ${volume.name} `) === true;
  if (disk === undefined) {
    const isMissed = record.state === 'running' || record.state === 'paused';
    return isNamed || (isMissed && !isTold) ? `volume ${volume.name} is not in its machine` : undefined;
  }
  const isAnothers = volume.holders.some(({ machine: ref }) => ref !== machine.ref && ref !== record.machine?.ref);
  if (!isHeld) return isAnothers && isTold ? undefined : `volume ${volume.name} is in its machine`;
  return isTold ? `volume ${volume.name} is back` : undefined;
}
