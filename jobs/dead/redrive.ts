import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { DeadTally } from '../../core/ports/dead-letters.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { Pace } from './pace.ts';
import { cutoff, oneOfBoth, prepareCutoff, type Selected, selectionMembers } from './selection.ts';
import { count, lettersFrom, notingPlace, runOf, type WorkNotes } from './work.ts';

// Puts many dead letters back into their lines, at a steady rate. Those that die again are counted where they die, so that this job can stop
// when what it does is of no use.

const MOST_PER_SECOND = 500;
/** At the end, for those that are still under way: how many die again is told as far as it is known then. */
const GRACE_MS = 10_000;
const LOOK_MS = 250;

export const redriveMembers = {
  ...selectionMembers,
  ratePerSecond: z.number().min(1).max(MOST_PER_SECOND).default(20).describe('The most that are put back in a second'),
  stopAfterFailures: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe('It stops itself when so many of those that it put back are dead again'),
};

interface Payload extends Selected {
  readonly ratePerSecond: number;
  readonly stopAfterFailures: number;
}
interface Notes extends WorkNotes {
  readonly deadAgain: number;
  readonly stopped: string;
}
type Context = StepContext<Payload, Notes>;

function paceOf(context: Context): Pace {
  return new Pace(context.payload.ratePerSecond, {
    monotonicMs: () => context.monotonicMs(),
    sleep: (ms) => sleep(ms, undefined, { signal: context.signal }),
  });
}

function stoppedBy({ settled, deadAgain }: DeadTally, { payload }: Context): string | undefined {
  if (deadAgain < payload.stopAfterFailures) return undefined;
  return `${deadAgain} of the ${settled} that were put back are dead again`;
}

const redrive: Step<Payload, Notes> = {
  name: 'redrive',
  async run(context) {
    const { notes, deadLetters } = context;
    const { matched = 0 } = notes;
    const pace = paceOf(context);
    let { place, skipped = 0 } = notes;
    let tally = await deadLetters.tally(context.jobId);
    const soFar = (): Partial<Notes> => ({
      ...(place === undefined ? {} : { place }),
      settled: tally.settled,
      skipped,
      deadAgain: tally.deadAgain,
    });
    return notingPlace(context, soFar, async () => {
      for await (const some of lettersFrom(context, place)) {
        for (const letter of some) {
          const stopped = stoppedBy(tally, context);
          if (stopped !== undefined) return { notes: { ...soFar(), stopped } };
          await pace.turn();
          context.signal.throwIfAborted();
          const settled = await deadLetters.redrive(runOf(context), letter.id);
          if (settled.outcome === 'done') pace.take();
          if (settled.outcome === 'skipped') skipped += 1;
          tally = settled.tally;
          place = letter.place;
          context.progress({ phase: 'redriving', current: tally.settled + skipped, total: matched });
        }
        await context.note(soFar());
      }
      return { notes: soFar() };
    });
  },
};

/** A while for those that are under way. */
const watch: Step<Payload, Notes> = {
  name: 'watch',
  async run(context) {
    const until = context.monotonicMs() + GRACE_MS;
    for (;;) {
      const tally = await context.deadLetters.tally(context.jobId);
      if (tally.over >= tally.settled || context.monotonicMs() >= until)
        return { notes: { deadAgain: tally.deadAgain } };
      await sleep(LOOK_MS, undefined, { signal: context.signal });
    }
  },
};

export const deadRedrive: AnyKind = defineKind<Payload, Notes>({
  kind: 'dead.redrive',
  summary: 'Puts many dead letters back into their lines, at a steady rate; stops itself when they die again.',
  role: 'operator',
  lane: 'bulk',
  payload: oneOfBoth(z.strictObject({ ...redriveMembers, ...cutoff })),
  result: z.object({
    matched: z.int().describe('When it began'),
    redriven: z.int(),
    skipped: z.int().describe('Were no dead letters any more when their turn came'),
    failedAgain: z
      .int()
      .describe('Of those that it put back, as far as they were over some seconds after the last one'),
    stopped: z.string().optional().describe('Why it stopped itself'),
  }),
  prepare: prepareCutoff,
  resources: () => [],
  joins: false,
  retry: { maxAttempts: 10, baseMs: 1_000, capMs: 30_000 },
  deadlineMs: 7 * 24 * 60 * 60 * 1_000,
  steps: [count, redrive, watch],
  finish: ({ notes: { matched = 0, settled = 0, skipped = 0, deadAgain = 0, stopped } }) => ({
    matched,
    redriven: settled,
    skipped,
    failedAgain: deadAgain,
    ...(stopped === undefined ? {} : { stopped }),
  }),
});
