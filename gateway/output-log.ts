import { closeSync, openSync, readFileSync, truncateSync, writeSync, writevSync } from 'node:fs';
import { bootEntry, bootOf, type Entry, ENTRY_KINDS, entryAt, entryParts, sizeOf } from './log-entry.ts';
import { type LogPlace, makeDirectory, removeSegment, segmentFile, segmentsOf } from './log-segments.ts';

const SEGMENTS = 4;

export interface OutputLogConfig extends LogPlace {
  readonly maxBytes: number;
  readonly nowMs: () => number;
}

/** A reader for whom what it has not read yet is kept. It moves `offset` and `segment` on, and tells the log of it. */
export interface Pin {
  offset: number;
  segment: number;
}

/** The end of a segment as it was left. */
interface SegmentEnd {
  readonly sizeBytes: number;
  readonly boot?: string;
  readonly offset: number;
}

/**
 * The writer of a container's log: whoever has the link to its guest. What `append` returned from survives the end of this process at any moment; an entry that a crash
 * left torn is cut off by the next writer. Another gateway that still writes late does no harm: files are only appended to, and readers know by its offset what is there twice.
 */
export class OutputLog {
  readonly #config: OutputLogConfig;
  readonly #pins = new Set<Pin>();
  #segments: number[];
  #file: number;
  #size = 0;
  #boot: string;
  #offset = 0;
  #written = Promise.withResolvers<void>();
  /** Told of whatever changes how far the slowest reader is. */
  onPins: () => void = () => undefined;

  /** Goes on where the log of this boot ended, or begins that of another boot. */
  constructor(config: OutputLogConfig, boot: string) {
    this.#config = config;
    this.#boot = boot;
    makeDirectory(config);
    this.#segments = [...segmentsOf(config)];
    let end: SegmentEnd | undefined;
    for (let last = this.#segments.at(-1); last !== undefined && end === undefined; last = this.#segments.at(-1)) {
      end = cutTorn(config, last);
      if (end.boot === undefined) {
        // Not even its first entry was whole: the segment before is the last one.
        removeSegment(config, last);
        this.#segments.pop();
        end = undefined;
      }
    }
    if (end === undefined) {
      this.#file = this.#openNext();
      return;
    }
    this.#file = openSync(segmentFile(config, this.#segment), 'a', 0o600);
    this.#size = end.sizeBytes;
    if (end.boot === boot) this.#offset = end.offset;
    else this.#write(this.#bootEntry());
  }

  get #segment(): number {
    return this.#segments.at(-1) ?? 0;
  }

  /** How many bytes of output there are of this boot. */
  get offset(): number {
    return this.#offset;
  }

  get boot(): string {
    return this.#boot;
  }

  /** How far all who hold it up have read. */
  get readOffset(): number {
    return Math.min(this.#offset, ...[...this.#pins].map((pin) => pin.offset));
  }

  /** What is there already is dropped. @throws what the file system does: then the log is of no use any more */
  append(record: Entry): void {
    const known = this.#offset - record.offset;
    if (known >= record.payload.length) return;
    const fresh = known <= 0 ? record : { ...record, offset: this.#offset, payload: record.payload.subarray(known) };
    if (this.#size >= this.#config.maxBytes / SEGMENTS) this.#rotate();
    this.#write(fresh);
    this.#offset = fresh.offset + fresh.payload.length;
    this.#announce();
  }

  /** Resolves at the next change after the call. */
  changed(): Promise<void> {
    return this.#written.promise;
  }

  /** Whoever waits looks again. */
  wake(): void {
    this.#announce();
  }

  pin(offset: number, segment: number): Pin {
    const pin = { offset, segment };
    this.#pins.add(pin);
    return pin;
  }

  unpin(pin: Pin): void {
    this.#pins.delete(pin);
    this.#dropOld();
    this.onPins();
  }

  /** Forgets what is kept; the run that is under way goes on in a new segment. */
  forget(): void {
    const old = this.#segments.slice();
    this.#rotate();
    for (const segment of old) removeSegment(this.#config, segment);
    this.#segments = this.#segments.filter((segment) => !old.includes(segment));
  }

  close(): void {
    closeSync(this.#file);
    this.#announce();
  }

  #announce(): void {
    const written = this.#written;
    this.#written = Promise.withResolvers<void>();
    written.resolve();
  }

  #bootEntry(): Entry {
    return bootEntry(this.#boot, BigInt(this.#config.nowMs()) * 1_000_000n, this.#offset);
  }

  #rotate(): void {
    closeSync(this.#file);
    this.#file = this.#openNext();
    this.#dropOld();
  }

  /** Every segment says first whose output it has. */
  #openNext(): number {
    this.#segments.push(this.#segment + 1);
    const file = openSync(segmentFile(this.#config, this.#segment), 'ax', 0o600);
    this.#file = file;
    this.#size = 0;
    this.#write(this.#bootEntry());
    return file;
  }

  /** One that a reader has not been through yet stays; how much that is, is bounded by what the guest may send ahead of it. */
  #dropOld(): void {
    const needed = Math.min(...[...this.#pins].map((pin) => pin.segment));
    while (this.#segments.length > SEGMENTS && (this.#segments[0] ?? 0) < needed) {
      const [oldest = 0] = this.#segments.splice(0, 1);
      removeSegment(this.#config, oldest);
    }
  }

  #write(entry: Entry): void {
    const parts = entryParts(entry);
    const size = sizeOf(entry);
    // Where the disk is full in the midst of it, whoever opens the log next cuts it off.
    const written = writevSync(this.#file, parts);
    if (written < size) {
      const rest = Buffer.concat(parts).subarray(written);
      for (let at = 0; at < rest.length; ) at += writeSync(this.#file, rest, at);
    }
    this.#size += size;
  }
}

/** Reads a segment to its end, and cuts off what a crash left torn. */
function cutTorn(place: LogPlace, segment: number): SegmentEnd {
  const file = segmentFile(place, segment);
  const bytes = readFileSync(file);
  let end: SegmentEnd = { sizeBytes: 0, offset: 0 };
  for (;;) {
    const entry = entryAt(bytes, end.sizeBytes);
    if (entry === 'short' || entry === 'bad') break;
    const sizeBytes = end.sizeBytes + sizeOf(entry);
    const boot = entry.kind === ENTRY_KINDS.boot ? bootOf(entry) : end.boot;
    if (boot === undefined) break;
    const isBoot = entry.kind === ENTRY_KINDS.boot;
    end = { sizeBytes, boot, offset: entry.offset + (isBoot ? 0 : entry.payload.length) };
  }
  if (end.sizeBytes < bytes.length) truncateSync(file, end.sizeBytes);
  return end;
}
