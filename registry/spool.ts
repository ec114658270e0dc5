import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { StowageError } from '../core/errors.ts';
import { type Digest, hexOf } from '../core/reference.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import { codeOf } from '../platform/system-error.ts';

// What has arrived of blobs, in segments: `<blob>.<offset>.<nonce>.part` holds the blob's bytes from the offset on.
//
// Whoever goes on with a blob reads the segments that are there and begins one of its own where they end; nobody ever opens an
// existing one for writing. So two processes may meet on one blob, also one that was thought dead and wakes: each appends to an
// inode of its own, what the other one has read of it never changes, and removing it takes a name away and no open file.
// Nothing in a segment is verified: the digest of the whole is, each time.

const NAME = /^([0-9a-f]{64})\.(\d{1,15})\.[0-9a-f]+\.part$/;
const LEFTOVER = /\.(?:part|disk)$/;
const LEFTOVER_AGE_MS = 24 * 3_600_000;

interface Segment {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A stretch of a segment that continues the one before. */
export type Stretch = Segment;

export interface SpoolOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export class Spool {
  readonly dir: string;
  readonly #random: RandomBytes;

  private constructor({ dir, random }: SpoolOptions) {
    this.dir = dir;
    this.#random = random;
  }

  /** Makes the directory, and removes what nobody has touched for a day. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { dir, clock } = options;
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const names = (await readdir(dir)).filter((name) => LEFTOVER.test(name));
      for (const name of names) await removeIfOld(join(dir, name), clock.nowMs());
    } catch (error) {
      throw spoolFailure(error, dir);
    }
    return new Spool(options);
  }

  /** What there is of a blob, from its first byte on, without a gap. */
  async stretches(blob: Digest, sizeBytes: number): Promise<readonly Stretch[]> {
    const segments = await this.#segments(blob);
    const found: Stretch[] = [];
    for (let at = 0; ; ) {
      const next = segments
        .filter((segment) => segment.start <= at && segment.end > at)
        .reduce<Segment | undefined>(
          (best, each) => (best === undefined || each.end > best.end ? each : best),
          undefined,
        );
      if (next === undefined || at >= sizeBytes) return found;
      // Fixed here: a segment that another process goes on with may grow while it is read.
      const end = Math.min(next.end, sizeBytes);
      found.push({ file: next.file, start: at - next.start, end: end - next.start });
      at = end;
    }
  }

  /** A new segment of the blob's bytes from `offset` on. */
  async begin(blob: Digest, offset: number): Promise<SegmentWriter> {
    const nonce = Buffer.from(this.#random(6)).toString('hex');
    const file = join(this.dir, `${hexOf(blob)}.${offset}.${nonce}.part`);
    try {
      return new SegmentWriter(await open(file, 'wx+', 0o600), this.dir);
    } catch (error) {
      throw spoolFailure(error, this.dir);
    }
  }

  async clear(blob: Digest): Promise<void> {
    for (const { file } of await this.#segments(blob)) await rm(file, { force: true });
  }

  async #segments(blob: Digest): Promise<readonly Segment[]> {
    const segments: Segment[] = [];
    for (const name of await readdir(this.dir)) {
      const match = NAME.exec(name);
      if (match?.[1] !== hexOf(blob)) continue;
      const file = join(this.dir, name);
      const sizeBytes = await sizeOf(file);
      const start = Number(match[2]);
      if (sizeBytes !== undefined) segments.push({ file, start, end: start + sizeBytes });
    }
    return segments;
  }
}

export class SegmentWriter {
  /** Open for reading too. */
  readonly fd: number;
  readonly #handle: FileHandle;
  readonly #dir: string;

  constructor(handle: FileHandle, dir: string) {
    this.fd = handle.fd;
    this.#handle = handle;
    this.#dir = dir;
  }

  async append(pieces: readonly Uint8Array[]): Promise<void> {
    try {
      let left = pieces;
      while (left.length > 0) left = after((await this.#handle.writev(left)).bytesWritten, left);
    } catch (error) {
      throw spoolFailure(error, this.#dir);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** What is left of the pieces when so much has been written. */
function after(bytes: number, pieces: readonly Uint8Array[]): readonly Uint8Array[] {
  const [first, ...rest] = pieces;
  if (first === undefined) return [];
  return bytes >= first.length ? after(bytes - first.length, rest) : [first.subarray(bytes), ...rest];
}

async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeIfOld(file: string, nowMs: number): Promise<void> {
  try {
    const facts = await stat(file);
    if (facts.isFile() && nowMs - facts.mtimeMs > LEFTOVER_AGE_MS) await rm(file, { force: true });
  } catch (error) {
    // Another process of this machine removes leftovers too.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

export function spoolFailure(error: unknown, dir: string): StowageError {
  if (error instanceof StowageError) return error;
  const code = codeOf(error);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  const message = isFull
    ? `no space is left in the spool ${dir}: free some, or set STOWAGE_SPOOL_DIR to where there is more`
    : `the spool ${dir} cannot be used (${code}): see STOWAGE_SPOOL_DIR`;
  return new StowageError('internal-error', message, { cause: error });
}
