import { z } from 'zod';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { noted } from '../noted.ts';
import type { ContainerRun } from '../../core/container.ts';
import {
  busy,
  containerEvent,
  machineOfContainer,
  moved,
  ownContainer,
  prepareThat,
  put,
  theMachine,
} from './container-of.ts';
import {
  abandonEnding,
  type Ending,
  type EndingNotes,
  KILLED,
  markStopping,
  powerDown,
  removeItself,
  settled,
  takeOut,
} from './ending.ts';
import { type OnContainer, onContainer } from './payloads.ts';
import { resourcesOf } from './resources.ts';

interface Payload extends Ending {
  readonly timeoutSeconds?: number;
}

const STOPPABLE = ['running', 'paused', 'stopping', 'starting', 'dead'];

const mark: Step<Payload, EndingNotes> = {
  name: 'mark',
  async run(context) {
    const own = await ownContainer(context);
    const { record } = own;
    if (record.state === 'created' || record.state === 'exited') {
      const machine = record.run.wanted === 'running' ? await machineOfContainer(context, record) : undefined;
      if (machine === undefined) return { done: { id: record.name, stopped: false } };
      // It was to be started again by its policy; its machine must hear of it, too.
      const run: ContainerRun = { ...record.run, wanted: 'stopped' };
      return {
        notes: { before: { state: record.state, run: record.run }, machine: machine.ref, run },
        records: [put(own, moved(context, record, record.state, { run }))],
      };
    }
    if (!STOPPABLE.includes(record.state)) throw busy(record, 'stopped');
    const { ref } = await theMachine(context, record);
    return markStopping(context, own, { machine: ref, exitCode: KILLED });
  },
};

const settle: Step<Payload, EndingNotes> = {
  name: 'settle',
  run: (context) => settled(context),
};

export const containerStop: AnyKind = defineKind<Payload, EndingNotes>({
  kind: 'container.stop',
  summary: 'Stops a container: powers its machine off, and takes its volumes out of it.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    timeoutSeconds: z.number().int().min(-1).optional().describe('For the process to end by itself'),
    restarting: z.boolean().optional().describe('Set by Stowage'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string(), stopped: z.boolean().describe('false: it was not running') }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [mark, powerDown, takeOut, settle, removeItself],
  finish: ({ payload }) => ({ id: noted(payload.id), stopped: true }),
  abandon: (context, error) => abandonEnding(context, error.message),
});

interface KillPayload extends OnContainer {
  readonly signal?: string;
}

/** Default actions that end a process (signal(7)); without the guest's help only they can be done, by pulling the plug. */
const DEADLY = ['KILL', 'TERM', 'INT', 'QUIT', 'ABRT', '9', '15', '2', '3', '6'];
/** Default action: none. Docker's CLI sends WINCH whenever a window is resized. */
const HARMLESS = ['WINCH', 'CONT', 'URG', 'CHLD', '28', '18', '23', '17'];
const signalOf = ({ signal = 'KILL' }: KillPayload): string => signal.toUpperCase().replace(/^SIG/, '');

const aim: Step<KillPayload, EndingNotes> = {
  name: 'mark',
  async run(context) {
    const own = await ownContainer(context);
    const { record } = own;
    if (!STOPPABLE.includes(record.state)) throw busy(record, 'killed');
    if (HARMLESS.includes(signalOf(context.payload))) return { done: { id: record.name } };
    const { ref } = await theMachine(context, record);
    return markStopping(context, own, { machine: ref, exitCode: KILLED });
  },
};

const settleKill: Step<KillPayload, EndingNotes> = {
  name: 'settle',
  async run(context) {
    const { record } = await ownContainer(context);
    const killed = containerEvent('container.killed', record, { signal: signalOf(context.payload) });
    return settled(context, [killed]);
  },
};

export const containerKill: AnyKind = defineKind<KillPayload, EndingNotes>({
  kind: 'container.kill',
  summary:
    'Sends a signal to a container. Those that end a process power its machine off; those that do nothing by default do nothing.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    signal: z
      .string()
      .max(32)
      .optional()
      .refine(
        (signal) => signal === undefined || [...DEADLY, ...HARMLESS].includes(signalOf({ container: '', signal })),
        'must be one that ends a process, or one that does nothing: others need the guest, which does not take signals yet',
      )
      .describe('By name, with or without SIG, or by number. Default: KILL'),
  }) as unknown as z.ZodType<KillPayload>,
  result: z.object({ id: z.string() }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [aim, powerDown, takeOut, settleKill, removeItself],
  finish: ({ payload }) => ({ id: noted(payload.id) }),
  abandon: (context, error) => abandonEnding(context, error.message),
});
