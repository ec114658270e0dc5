import { type FileHandle, open } from 'node:fs/promises';
import { type Entry, entryAt, MAX_ENTRY_BYTES, sizeOf } from './log-entry.ts';
import { type LogPlace, type LogPosition, segmentFile, segmentsOf } from './log-segments.ts';

const CHUNK_BYTES = 256 * 1_024;

export interface ReadEntry {
  readonly entry: Entry;
  /** As it lies on disk. */
  readonly raw: Buffer;
  readonly position: LogPosition;
}

/** Reads a log forwards, whoever writes it meanwhile. */
export class LogReader {
  readonly #place: LogPlace;
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES + MAX_ENTRY_BYTES);
  #segment: number;
  #file: FileHandle | undefined;
  /** Of what is read next, in the segment. */
  #at = 0;

  /** @param segment with which it begins; one that is gone is passed over */
  constructor(place: LogPlace, segment: number) {
    this.#place = place;
    this.#segment = segment;
  }

  get segment(): number {
    return this.#segment;
  }

  /** Empty: the end, as of now. What it gave before is no longer to be looked at. */
  async read(): Promise<readonly ReadEntry[]> {
    for (;;) {
      const found = await this.#readHere();
      if (found.length > 0) return found;
      const next = segmentsOf(this.#place).find((segment) => segment > this.#segment);
      if (next === undefined) return [];
      // What was written between that read and the next segment's beginning; one that has a successor does not grow.
      const last = await this.#readHere();
      if (last.length > 0) return last;
      await this.close();
      this.#segment = next;
      this.#at = 0;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #readHere(): Promise<readonly ReadEntry[]> {
    this.#file ??= await opened(segmentFile(this.#place, this.#segment));
    if (this.#file === undefined) return [];
    const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, this.#at);
    const bytes = this.#buffer.subarray(0, bytesRead);
    const found: ReadEntry[] = [];
    let at = 0;
    for (;;) {
      const entry = entryAt(bytes, at);
      if (entry === 'short' || entry === 'bad') break;
      const end = at + sizeOf(entry);
      const position = { segment: this.#segment, at: this.#at + at };
      found.push({ entry, raw: bytes.subarray(at, end), position });
      at = end;
    }
    this.#at += at;
    return found;
  }
}

async function opened(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
