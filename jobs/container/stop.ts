import { z } from 'zod';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { setByStowage } from '../branded.ts';
import { noted } from '../noted.ts';
import type { ContainerRun } from '../../core/container.ts';
import type { SignalName } from '../../core/signal.ts';
import { busy, machineOfContainer, moved, ownContainer, prepareThat, put, theMachine } from './container-of.ts';
import {
  abandonEnding,
  type Ending,
  type EndingNotes,
  KILLED,
  markStopping,
  powerDown,
  removeItself,
  settled,
  STOPPABLE,
  takeOut,
} from './ending.ts';
import { askGuest, asking } from './guest-end.ts';
import { onContainer, signalSchema } from './payloads.ts';
import { resourcesOf } from './resources.ts';

interface Payload extends Ending {
  readonly timeoutSeconds?: number;
  readonly signal?: SignalName;
}

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
    const machine = await theMachine(context, record);
    const marked = await markStopping(context, own, { machine: machine.ref, exitCode: KILLED });
    const { signal = record.spec.stopSignal, timeoutSeconds = record.spec.stopTimeoutSeconds } = context.payload;
    return { ...marked, notes: { ...marked.notes, ...asking(context, machine, { signal, timeoutSeconds }) } };
  },
};

const settle: Step<Payload, EndingNotes> = {
  name: 'settle',
  run: (context) => settled(context),
};

export const containerStop: AnyKind = defineKind<Payload, EndingNotes>({
  kind: 'container.stop',
  summary: 'Stops a container: asks its process to end, powers its machine off, and takes its volumes out of it.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    timeoutSeconds: z.number().int().min(-1).optional().describe('For the process to end by itself'),
    signal: signalSchema.optional().describe("What the process is sent. Default: the container's stop signal"),
    restarting: setByStowage(z.boolean()),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string(), stopped: z.boolean().describe('false: it was not running') }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [mark, askGuest, powerDown, takeOut, settle, removeItself],
  finish: ({ payload }) => ({ id: noted(payload.id), stopped: true }),
  abandon: (context, error) => abandonEnding(context, error.message),
});
