import { z } from 'zod';
import { type AnyKind, defineKind, type Step } from '../define.ts';
import { cutoff, oneOfBoth, prepareCutoff, type Selected, selectionMembers } from './selection.ts';
import { count, lettersFrom, notingPlace, runOf, type WorkNotes } from './work.ts';

// Gives many dead letters up, for one reason.

export const discardMembers = {
  ...selectionMembers,
  reason: z.string().trim().min(1).max(1_000).meta({ pattern: '\\S', description: 'Kept with each of them' }),
};

interface Payload extends Selected {
  readonly reason: string;
}

const discard: Step<Payload, WorkNotes> = {
  name: 'discard',
  async run(context) {
    const { notes, payload, deadLetters } = context;
    const { matched = 0 } = notes;
    let { place, skipped = 0 } = notes;
    let { settled } = await deadLetters.tally(context.jobId);
    const soFar = (): Partial<WorkNotes> => ({ ...(place === undefined ? {} : { place }), settled, skipped });
    return notingPlace(context, soFar, async () => {
      for await (const some of lettersFrom(context, place)) {
        context.signal.throwIfAborted();
        const run = runOf(context);
        const answers = await Promise.all(some.map(({ id }) => deadLetters.discard(run, id, payload.reason)));
        skipped += answers.filter(({ outcome }) => outcome === 'skipped').length;
        settled = Math.max(settled, ...answers.map(({ tally }) => tally.settled));
        place = some.at(-1)?.place ?? place;
        await context.note(soFar());
        context.progress({ phase: 'discarding', current: settled + skipped, total: matched });
      }
      return { notes: soFar() };
    });
  },
};

export const deadDiscard: AnyKind = defineKind<Payload, WorkNotes>({
  kind: 'dead.discard',
  summary: 'Gives many dead letters up, for one reason.',
  role: 'operator',
  lane: 'bulk',
  payload: oneOfBoth(z.strictObject({ ...discardMembers, ...cutoff })),
  result: z.object({
    matched: z.int().describe('When it began'),
    discarded: z.int(),
    skipped: z.int().describe('Were no dead letters any more when their turn came'),
  }),
  prepare: prepareCutoff,
  resources: () => [],
  joins: false,
  retry: { maxAttempts: 10, baseMs: 1_000, capMs: 30_000 },
  deadlineMs: 24 * 60 * 60 * 1_000,
  steps: [count, discard],
  finish: ({ notes: { matched = 0, settled = 0, skipped = 0 } }) => ({ matched, discarded: settled, skipped }),
});
