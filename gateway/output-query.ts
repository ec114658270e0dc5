import { z } from 'zod';
import { bootOf, type Entry, ENTRY_KINDS } from './log-entry.ts';
import type { ReadEntry } from './log-reader.ts';
import type { TailStart } from './log-tail.ts';

// What is wanted of a log, as it travels in the query of a URL.

const whole = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const nanoseconds = z
  .string()
  .regex(/^\d{1,19}$/)
  .transform(BigInt);

export const outputQuery = z.object({
  /** The last so many lines. */
  tail: whole.optional(),
  since: nanoseconds.optional(),
  until: nanoseconds.optional(),
  /** From this run on… */
  boot: z.string().min(1).max(100).optional(),
  /** …and in it from this byte on, or from its end as it is now. */
  offset: z.union([z.literal('now'), whole]).optional(),
  /** Nothing of another run. */
  only: z.literal('1').optional(),
  /** Goes on until the run that is under way is over: only where its guest is. */
  follow: z.literal('1').optional(),
  /** What is not read yet holds up the process. */
  hold: z.literal('1').optional(),
});
export type OutputQuery = z.infer<typeof outputQuery>;

export interface OutputBounds {
  readonly start?: TailStart;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  readonly from?: { readonly boot: string; readonly offset: number };
  readonly isOnlyThatBoot: boolean;
}

/** Picks of a log, read from the beginning of a segment, what is within the bounds. */
export class OutputPicker {
  readonly #bounds: OutputBounds;
  #boot = '';
  /** Of the boot: what comes below it was there already, from another gateway. */
  #offset = 0;
  #hasBegun = false;
  /** Nothing that follows is within the bounds. */
  isOver = false;

  /** Whose output it is at; empty: none's yet. */
  get boot(): string {
    return this.#boot;
  }

  /** Up to where it was read, of that boot. */
  get offset(): number {
    return this.#offset;
  }

  constructor(bounds: OutputBounds) {
    this.#bounds = bounds;
  }

  /** The entry, what of it is wanted, or undefined. Entries that say which boot follows always pass. */
  pick({ entry, position }: Pick<ReadEntry, 'entry' | 'position'>): Entry | undefined {
    if (entry.kind === ENTRY_KINDS.boot) return this.#onBoot(entry);
    const { start, sinceNs, untilNs, from } = this.#bounds;
    const size = entry.payload.length;
    let skip = Math.max(0, this.#offset - entry.offset);
    this.#offset = Math.max(this.#offset, entry.offset + size);
    if (from !== undefined && !this.#hasBegun) {
      if (this.#boot !== from.boot) return undefined;
      skip = Math.max(skip, from.offset - entry.offset);
    }
    if (start !== undefined && position.segment === start.segment) {
      if (position.at < start.at) return undefined;
      if (position.at === start.at) skip = Math.max(skip, start.skip);
    }
    if (skip >= size) return undefined;
    if (sinceNs !== undefined && entry.timeNs < sinceNs) return undefined;
    this.isOver = untilNs !== undefined && entry.timeNs > untilNs;
    if (this.isOver) return undefined;
    return skip === 0 ? entry : { ...entry, offset: entry.offset + skip, payload: entry.payload.subarray(skip) };
  }

  #onBoot(entry: Entry): Entry | undefined {
    const boot = bootOf(entry);
    const { from, isOnlyThatBoot } = this.#bounds;
    if (boot === this.#boot) return undefined;
    if (from !== undefined && this.#boot === from.boot) {
      this.#hasBegun = true;
      this.isOver = isOnlyThatBoot;
    }
    this.#boot = boot;
    this.#offset = 0;
    if (this.isOver || (from !== undefined && !this.#hasBegun && boot !== from.boot)) return undefined;
    // So that whoever reads knows where it begins, also when nothing has come yet.
    return boot === from?.boot ? { ...entry, offset: from.offset } : entry;
  }
}
