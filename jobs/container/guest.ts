import { CONTAINER_KEYS } from '../../core/container.ts';
import { isErrorCode } from '../../core/errors.ts';
import type { ContainerId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Guests } from '../../core/ports/guests.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { StepContext } from '../define.ts';

type AnyContext = StepContext<unknown, unknown>;

/** The line to the guests, where there is one and this machine was made with a guest in mind; undefined: nobody is inside. */
export function guestsOf(
  { guests, world }: Pick<AnyContext, 'guests' | 'world'>,
  machine: Pick<Machine, 'extraConfig'> | undefined,
): Guests | undefined {
  const isMade = (machine?.extraConfig[CONTAINER_KEYS.secret] ?? '') !== '';
  return isMade && world.containers?.guest !== undefined ? guests : undefined;
}

/** What the guest proves itself with. Written anew before each boot: the installation's key may be another one by then. */
export function secretOf(
  { world }: Pick<AnyContext, 'world'>,
  container: ContainerId,
): Readonly<Record<string, string>> {
  const { guest } = world.containers ?? {};
  return guest === undefined ? {} : { [CONTAINER_KEYS.secret]: guest.secretOf(container) };
}

/** false: no guest answers. */
export async function callGuest(
  { signal }: Pick<AnyContext, 'signal'>,
  guests: Guests,
  {
    container,
    method,
    params,
  }: { readonly container: ContainerId; readonly method: string; readonly params: JsonObject },
): Promise<boolean> {
  try {
    await guests.call(container, method, params, signal);
    return true;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'guest-unreachable')) throw thrown;
    return false;
  }
}
