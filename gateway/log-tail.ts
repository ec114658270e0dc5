import { open } from 'node:fs/promises';
import { type Entry, ENTRY_KINDS, entryBefore, MAX_ENTRY_BYTES, sizeOf } from './log-entry.ts';
import { type LogPlace, type LogPosition, segmentFile, segmentsOf } from './log-segments.ts';

const CHUNK_BYTES = 256 * 1_024;
const NEWLINE = 10;

/** Where the last lines begin: `skip` bytes of the entry there are of the line before. */
export interface TailStart extends LogPosition {
  readonly skip: number;
}

/**
 * Looks from the end for the last so many lines, and reads no more than that. A line is what a newline ends, and what has none yet at the end of either descriptor.
 *
 * @returns undefined: there are no more than that
 */
export async function findTail(place: LogPlace, lines: number): Promise<TailStart | undefined> {
  const counter = new LineCounter(lines);
  for (const segment of segmentsOf(place).toReversed()) {
    const start = await tailIn(segmentFile(place, segment), counter);
    if (start !== undefined) return { ...start, segment };
  }
  return undefined;
}

async function tailIn(path: string, counter: LineCounter): Promise<Omit<TailStart, 'segment'> | undefined> {
  const file = await open(path);
  try {
    let end = (await file.stat()).size;
    while (end > 0) {
      const from = Math.max(0, end - CHUNK_BYTES - MAX_ENTRY_BYTES);
      const bytes = Buffer.allocUnsafe(end - from);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from);
      let at = bytesRead;
      for (;;) {
        const entry = entryBefore(bytes, at);
        if (entry === 'short' || entry === 'bad') break;
        at -= sizeOf(entry);
        const skip = counter.take(entry);
        if (skip !== undefined) return { at: from + at, skip };
      }
      // Nothing whole in all of it: it is torn, and ends where it is whole again only for a reader from its beginning.
      if (at === bytesRead) return undefined;
      end = from + at;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

/** Counts lines backwards. */
class LineCounter {
  #left: number;
  /** Descriptors of which something was seen. */
  readonly #seen = new Set<number>();

  constructor(lines: number) {
    this.#left = lines;
  }

  /** How much of the entry is before the lines that are wanted; undefined: all of it is among them. */
  take({ kind, payload }: Entry): number | undefined {
    if (kind === ENTRY_KINDS.boot || payload.length === 0) return undefined;
    let at = payload.length;
    if (!this.#seen.has(kind)) {
      this.#seen.add(kind);
      if (payload[at - 1] !== NEWLINE) {
        if (this.#left === 0) return at;
        this.#left -= 1;
      }
    }
    for (at = payload.lastIndexOf(NEWLINE); at >= 0; at = at === 0 ? -1 : payload.lastIndexOf(NEWLINE, at - 1)) {
      if (this.#left === 0) return at + 1;
      this.#left -= 1;
    }
    return undefined;
  }
}
