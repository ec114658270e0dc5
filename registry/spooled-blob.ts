import { type FileHandle, open } from 'node:fs/promises';
import type { BlobSource } from '../core/ports/registry.ts';
import { type SegmentWriter, type Spool, spoolFailure, type Stretch } from './spool.ts';

/** Bytes of a blob that are there: `descriptor` is an index of `descriptors`. */
export interface Part {
  readonly descriptor: number;
  readonly start: number;
  readonly end: number;
}

/** Of a blob, written to the spool at once; and the longest that less than that waits for more. */
const BATCH_BYTES = 262_144;
const BATCH_MS = 20;

/**
 * A blob while another program reads it: stretches that were there, and a segment that takes what they lack. Open before the program is
 * started, so that nobody who clears the spool can take anything from under it.
 */
export class SpooledBlob {
  /** For the program to inherit. */
  readonly descriptors: readonly number[];
  /** What is there from the beginning. */
  readonly parts: readonly Part[];
  /** Where the segment begins; the blob's size when there is nothing to fetch. */
  readonly startBytes: number;
  /** Called with what is there now and was not before. */
  onPart: (part: Part) => void = () => undefined;
  readonly #handles: readonly FileHandle[];
  readonly #segment: SegmentWriter | undefined;
  #pieces: Uint8Array[] = [];
  #waitingBytes = 0;
  #writtenBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    handles: readonly FileHandle[],
    stretches: readonly Stretch[],
    segment: SegmentWriter | undefined,
  ) {
    this.#handles = handles;
    this.#segment = segment;
    this.descriptors = [...handles.map((handle) => handle.fd), ...(segment === undefined ? [] : [segment.fd])];
    this.parts = stretches.map(({ start, end }, descriptor) => ({ descriptor, start, end }));
    this.startBytes = this.parts.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  static async open(spool: Spool, source: BlobSource, stretches: readonly Stretch[]): Promise<SpooledBlob> {
    const handles: FileHandle[] = [];
    try {
      for (const { file } of stretches) handles.push(await open(file));
      const there = stretches.reduce((sum, { start, end }) => sum + end - start, 0);
      const segment = there < source.sizeBytes ? await spool.begin(source.digest, there) : undefined;
      return new SpooledBlob(handles, stretches, segment);
    } catch (error) {
      for (const handle of handles) await handle.close();
      throw spoolFailure(error, spool.dir);
    }
  }

  /** Takes the piece over: its memory is given back. Resolves when there is room for more. @throws what kept any piece from being written */
  async append(piece: Uint8Array): Promise<void> {
    this.#pieces.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes >= BATCH_BYTES) return this.flush();
    // Whatever it throws, the next flush throws too.
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), BATCH_MS);
  }

  /** Resolves when all is written. @throws as `append` */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waitingBytes = 0;
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length > 0) this.#writing = this.#writing.then(() => this.#write(pieces));
    return this.#writing;
  }

  /** What is not written by then is not there. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing.catch(() => undefined);
    for (const file of [...this.#handles, ...(this.#segment === undefined ? [] : [this.#segment])]) await file.close();
  }

  async #write(pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#segment === undefined) throw new RangeError('all of the blob is there');
    const start = this.#writtenBytes;
    const end = pieces.reduce((sum, { length }) => sum + length, start);
    await this.#segment.append(pieces);
    for (const piece of pieces) giveBack(piece);
    this.#writtenBytes = end;
    this.onPart({ descriptor: this.#handles.length, start, end });
  }
}

/**
 * Frees a piece that is all of its buffer, as nearly every piece that a socket gives is. Left to the collector they pile up outside of
 * V8's heap, and each pile makes it go through all of the heap. One that shares its buffer with others stays.
 */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
