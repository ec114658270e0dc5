import { type ContainerId, machineUuidOf, type Moref } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { StepContext } from '../define.ts';

/**
 * What vCenter knows of a container's machine. Mostly one; a host that was lost and came back may bring a second. `lost` are on hosts
 * that do not answer: what vCenter says of their power is what was so before.
 */
export interface Registrations {
  readonly all: readonly Machine[];
  /** On, on a host that answers. */
  readonly running?: Machine;
  /** That one, or one that is off or suspended, on a host that answers. */
  readonly answering?: Machine;
  readonly lost: readonly Machine[];
}

export async function registrationsOf(
  { dataCentre, signal }: Pick<StepContext<unknown, unknown>, 'dataCentre' | 'signal'>,
  id: ContainerId,
): Promise<Registrations> {
  const all = await dataCentre.machines.findByUuid(machineUuidOf(id), signal);
  const running = all.find(({ connected, power }) => connected && power === 'on');
  const answering =
    running ??
    all.find(({ connected, power }) => connected && power === 'suspended') ??
    all.find(({ connected }) => connected);
  return {
    all,
    ...(running === undefined ? {} : { running }),
    ...(answering === undefined ? {} : { answering }),
    lost: all.filter(({ connected }) => !connected),
  };
}

/** Second registrations of the same files that are off: taken out of the inventory, and nothing else. */
export function ghostsBeside({ ref }: { readonly ref: Moref }, { all }: Registrations): readonly Machine[] {
  return all.filter((each) => each.ref !== ref && each.power === 'off');
}
