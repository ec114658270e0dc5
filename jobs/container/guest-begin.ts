import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { GuestState } from '../../core/guest.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { Step, StepContext, StepResult } from '../define.ts';
import { noted } from '../noted.ts';
import { ownContainer, theMachine } from './container-of.ts';
import { exitCodeIn, failureIn } from './documents.ts';
import { guestsOf } from './guest.ts';
import type { OnContainer } from './payloads.ts';

// A container runs when its process does, and not when its machine has power.

export interface BeginNotes {
  /** Somebody will be inside of the machine, and says when the process runs. */
  readonly hasGuest: boolean;
  /** Since when it is waited for. */
  readonly bootingSince: string;
  /** The process has run, and is over already: its machine may be off. */
  readonly isOver: boolean;
}
type Context = StepContext<OnContainer, BeginNotes>;

/** Held by one look at the guest. */
const LOOK_MS = 5_000;
const AGAIN_MS = 250;

export const guestBegins: Step<OnContainer, BeginNotes> = {
  name: 'guest',
  applies: ({ notes }) => notes.hasGuest === true,
  isLocal: true,
  async run(context) {
    const { record } = await ownContainer(context);
    const bootingSince = context.notes.bootingSince ?? context.now();
    const state = await lookAt(context, record.run.startedAt ?? '');
    const { isOver } = settled(state) ?? (await fromMachine(context, await theMachine(context, record))) ?? {};
    if (isOver !== undefined) return { notes: { isOver } };
    const waitedMs = Date.parse(context.now()) - Date.parse(bootingSince);
    const { waitMs = 0 } = context.world.containers?.guest ?? {};
    if (waitedMs > waitMs) throw silent(record.called, waitMs);
    return { notes: { bootingSince }, laterMs: AGAIN_MS } satisfies StepResult<BeginNotes>;
  },
};

async function lookAt(context: Context, run: string): Promise<GuestState | undefined> {
  try {
    const state = await context.guests?.state(noted(context.payload.id), { run, ms: LOOK_MS }, context.signal);
    // When the time is over it is what the run before said last.
    return state?.startedAt === run ? state : undefined;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'guest-unreachable')) throw thrown;
    return undefined;
  }
}

/** @throws `container-start-failed` */
function settled(state: GuestState | undefined): { readonly isOver: boolean } | undefined {
  switch (state?.state) {
    case 'running':
      return { isOver: false };
    case 'exited':
      return { isOver: true };
    case 'failed':
      throw new StowageError('container-start-failed', state.message ?? 'the guest could not start the process');
    case 'booting':
    case undefined:
      return undefined;
  }
}

/** What the guest has left behind, when no gateway has heard it. @throws `container-start-failed`, `vcenter-state` */
async function fromMachine(context: Context, machine: Machine): Promise<{ readonly isOver: boolean } | undefined> {
  const failure = failureIn(machine.extraConfig);
  if (failure !== undefined) throw new StowageError('container-start-failed', failure);
  if (exitCodeIn(machine.extraConfig) !== undefined) return { isOver: true };
  if (guestsOf(context, machine) === undefined) return { isOver: false };
  if (machine.power !== 'on' && machine.connected)
    throw new StowageError('vcenter-state', `${machine.name} went ${machine.power} before its process was started`);
  return undefined;
}

function silent(name: string, waitMs: number): StowageError {
  return new StowageError(
    'guest-silent',
    `nobody in the machine of container ${name} was heard for ${waitMs / 1_000} seconds after it was powered on`,
  );
}
