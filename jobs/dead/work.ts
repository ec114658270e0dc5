import type { DeadLetter, DeadRun } from '../../core/ports/dead-letters.ts';
import type { Step, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { type Selected, selectionOf } from './selection.ts';

// What working through dead letters is, whatever is done to each: oldest death first, from the place where the job was.

/** Two to a request that reads them; what is read may be settled by others before its turn comes. */
const PAGE = 200;
/** After so many the place is noted. After a crash those behind it are asked for again, and are known by the run. */
const NOTE_EVERY = 20;

export interface WorkNotes {
  readonly matched: number;
  /** Of the last one that was settled, or skipped. */
  readonly place: string;
  readonly settled: number;
  readonly skipped: number;
}

type Context = StepContext<Selected, WorkNotes>;

/** How many there are: for progress, and for the result. */
export const count: Step<Selected, WorkNotes> = {
  name: 'count',
  isLocal: true,
  async run(context) {
    // A run that was a dead letter itself and is redriven goes on, with what it had settled.
    const { settled } = await context.deadLetters.tally(context.jobId);
    const { matched } = await context.deadLetters.count(selectionOf(context.payload));
    return { notes: { matched: settled + matched, skipped: 0 } };
  },
};

export function runOf({ jobId, fence, actor, payload }: Context): DeadRun {
  fence.assertHeld();
  return { job: jobId, epoch: fence.epoch, actor, cutoffAt: noted(payload.cutoffAt) };
}

/** A few at a time. */
export async function* lettersFrom(context: Context, start: string | undefined): AsyncGenerator<readonly DeadLetter[]> {
  let cursor = start;
  do {
    const page = await context.deadLetters.select(selectionOf(context.payload), {
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (let at = 0; at < page.items.length; at += NOTE_EVERY) yield page.items.slice(at, at + NOTE_EVERY);
    cursor = page.next;
  } while (cursor !== undefined);
}

/** The step's work; where it is interrupted, how far it came is noted all the same. */
export async function notingPlace<T>(
  context: Context,
  now: () => Partial<WorkNotes>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    // Whoever goes on finds it by the run, too.
    await context.note(now()).catch(() => undefined);
    throw thrown;
  }
}
