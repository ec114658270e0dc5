import type { Machine } from '../../core/ports/machines.ts';
import type { Step, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { machineOfContainer } from './container-of.ts';
import { callGuest, guestsOf } from './guest.ts';
import type { OnContainer } from './payloads.ts';

// Before the plug is pulled the guest is asked: the process may end by itself, and what was written reaches its volumes.

export interface EndNotes {
  /** How the process is asked, when there is somebody who can ask it. */
  readonly asking: { readonly signal: string; readonly timeoutSeconds: number };
  /** Until when the machine may stay on; absent: as long as it takes. */
  readonly askUntil: string;
  readonly isAsked: boolean;
}

/** To write back what was written, after the process is gone. */
const GRACE_MS = 20_000;
const AGAIN_MS = 100;

/**
 * Notes for the step `ask`; none where nobody is inside.
 *
 * @param how.timeoutSeconds -1: however long it takes
 */
export function asking(
  context: Pick<StepContext<unknown, unknown>, 'now' | 'guests' | 'world'>,
  machine: Pick<Machine, 'extraConfig'> | undefined,
  how: EndNotes['asking'],
): Partial<EndNotes> {
  if (guestsOf(context, machine) === undefined) return {};
  if (how.timeoutSeconds < 0) return { asking: how };
  const untilMs = Date.parse(context.now()) + how.timeoutSeconds * 1_000 + GRACE_MS;
  return { asking: how, askUntil: new Date(untilMs).toISOString() };
}

export const askGuest: Step<OnContainer, EndNotes> = {
  name: 'ask',
  applies: ({ guests, notes }) => guests !== undefined && notes.asking !== undefined,
  async run(context) {
    const id = noted(context.payload.id);
    const found = await context.records.read('container', id);
    const machine = found === undefined ? undefined : await machineOfContainer(context, found.record);
    const guests = guestsOf(context, machine);
    // A guest that stands still hears nothing.
    if (machine?.power !== 'on' || !machine.connected || guests === undefined) return {};
    const { isAsked = false, askUntil } = context.notes;
    if (askUntil !== undefined && context.now() > askUntil) return {};
    const how = { ...noted(context.notes.asking) };
    if (!isAsked && !(await callGuest(context, guests, { container: id, method: 'stop', params: how }))) return {};
    return { notes: { isAsked: true }, laterMs: AGAIN_MS };
  },
};
