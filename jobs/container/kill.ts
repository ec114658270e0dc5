import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { isDeadly, isHarmless, type SignalName } from '../../core/signal.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { busy, containerEvent, ownContainer, prepareThat, theMachine } from './container-of.ts';
import {
  abandonEnding,
  type EndingNotes,
  KILLED,
  markStopping,
  powerDown,
  removeItself,
  settled,
  STOPPABLE,
  takeOut,
} from './ending.ts';
import { noted } from '../noted.ts';
import { guestsOf } from './guest.ts';
import { askGuest, asking } from './guest-end.ts';
import { type OnContainer, onContainer, signalSchema } from './payloads.ts';
import { resourcesOf } from './resources.ts';

interface Payload extends OnContainer {
  readonly signal?: SignalName;
}
interface Notes extends EndingNotes {
  /** The guest has it, and what comes of it is the process's business. */
  readonly isSent: boolean;
}
type KillStep = Step<Payload, Notes>;

const aim: KillStep = {
  name: 'mark',
  async run(context) {
    const own = await ownContainer(context);
    const { record } = own;
    const { signal = 'KILL' } = context.payload;
    if (!STOPPABLE.includes(record.state)) throw busy(record, 'killed');
    const machine = await theMachine(context, record);
    const guests = guestsOf(context, machine);
    if (signal === 'KILL' || (guests === undefined && isDeadly(signal))) {
      const marked = await markStopping(context, own, { machine: machine.ref, exitCode: KILLED });
      const asked = asking(context, machine, { signal: 'KILL', timeoutSeconds: 0 });
      return { ...marked, notes: { ...marked.notes, ...asked } };
    }
    if (guests !== undefined) {
      // One that comes again, after a crash here, is known by the job's id and dropped.
      await guests.call(record.name, 'signal', { signal, once: context.jobId }, context.signal);
      return { notes: { isSent: true } };
    }
    if (isHarmless(signal)) return { done: { id: record.name } };
    throw new StowageError(
      'operation-unsupported',
      `nobody is inside of the machine of container ${record.called} who could take signal ${signal}`,
    );
  },
};

const settle: KillStep = {
  name: 'settle',
  async run(context) {
    const { record } = await ownContainer(context);
    const killed = containerEvent('container.killed', record, { signal: context.payload.signal ?? 'KILL' });
    return context.notes.isSent === true ? { events: [killed] } : settled(context, [killed]);
  },
};

/** Steps of its end, which a signal that was only handed over does not bring. */
function ofEnd(step: KillStep): KillStep {
  const { applies = () => true } = step;
  return { ...step, applies: (context) => context.notes.isSent !== true && applies(context) };
}

export const containerKill: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.kill',
  summary:
    'Sends a signal to the process of a container. KILL ends it, and its machine is powered off; where nobody is inside of the machine, so do the other signals that end a process.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    signal: signalSchema.optional().describe('By name, with or without SIG, or by number. Default: KILL'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string() }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [aim, ofEnd(askGuest), ofEnd(powerDown), ofEnd(takeOut), settle, ofEnd(removeItself)] as readonly KillStep[],
  finish: ({ payload }) => ({ id: noted(payload.id) }),
  abandon: (context, error) => abandonEnding(context, error.message),
});
