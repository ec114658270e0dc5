import { z } from 'zod';
import { isErrorCode } from '../../core/errors.ts';
import { resourceKey } from '../../core/ids.ts';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { prepareThat } from './container-of.ts';
import { type OnContainer, onContainer } from './payloads.ts';

// The pause before a start by the restart policy. It stands in a line of its own: whoever stops or removes the container meanwhile does not
// wait for it.

interface Payload extends OnContainer {
  /** ISO 8601. */
  readonly at: string;
}
type Notes = Readonly<Record<string, never>>;

const wait: Step<Payload, Notes> = {
  name: 'wait',
  isLocal: true,
  run({ payload, now }) {
    const leftMs = Date.parse(payload.at) - Date.parse(now());
    return Promise.resolve(leftMs > 0 ? { laterMs: leftMs } : {});
  },
};

const start: Step<Payload, Notes> = {
  name: 'start',
  async run(context) {
    await context
      .submit('container.start', { container: context.payload.container, again: true })
      .catch((thrown: unknown) => {
        if (!isErrorCode(thrown, 'container-not-found')) throw thrown;
      });
    return {};
  },
};

export const containerAgain: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.again',
  summary:
    'Starts a container again by its restart policy, after the pause that the policy makes. Submitted by Stowage.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    at: z.iso.datetime().describe('Not before'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({}),
  prepare: prepareThat,
  resources: ({ id }) => (id === undefined ? [] : [resourceKey('again', id)]),
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [wait, start],
  finish: () => ({}),
});
