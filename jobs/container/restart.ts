import { z } from 'zod';
import { type JobId, resourceKey } from '../../core/ids.ts';
import { endedChildren } from '../children.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { noted } from '../noted.ts';
import { prepareThat } from './container-of.ts';
import { type OnContainer, onContainer } from './payloads.ts';

// A stop and a start, each a job of its own: this one stands in none of their lines. A crash between them leaves a stopped container, and
// this job goes on.

interface Payload extends OnContainer {
  readonly timeoutSeconds?: number;
}
interface Notes {
  readonly stopping: JobId;
  readonly starting: JobId;
}

const plan: Step<Payload, Notes> = {
  name: 'plan',
  isLocal: true,
  run: (context) => Promise.resolve({ notes: { stopping: context.newJobId(), starting: context.newJobId() } }),
};

const stop: Step<Payload, Notes> = {
  name: 'stop',
  async run(context) {
    const { container, timeoutSeconds } = context.payload;
    const wait = timeoutSeconds === undefined ? {} : { timeoutSeconds };
    const { id } = await context.submit(
      'container.stop',
      { container, ...wait, restarting: true },
      noted(context.notes.stopping),
    );
    return (await endedChildren(context, [id])) === undefined ? { awaits: [id] } : {};
  },
};

const start: Step<Payload, Notes> = {
  name: 'start',
  async run(context) {
    const { container } = context.payload;
    const { id } = await context.submit('container.start', { container }, noted(context.notes.starting));
    return (await endedChildren(context, [id])) === undefined ? { awaits: [id] } : {};
  },
};

export const containerRestart: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.restart',
  summary: 'Stops a container where it runs, and starts it.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    timeoutSeconds: z.number().int().min(-1).optional(),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string() }),
  prepare: prepareThat,
  resources: ({ id }) => (id === undefined ? [] : [resourceKey('restart', id)]),
  joins: true,
  retry: { maxAttempts: 4, baseMs: 300, capMs: 5_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [plan, stop, start],
  finish: ({ payload }) => ({ id: noted(payload.id) }),
});
