import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { ErrorCode } from '../core/error-codes.ts';
import { StowageError } from '../core/errors.ts';
import type { JsonObject } from '../core/job.ts';

// What a guest sends on a stream: pieces, see guest/PROTOCOL.md.

const HEAD_BYTES = 8;
const LAST = 3;
/** An answer to a call: names of a million files fit. */
const MAX_ANSWER_BYTES = 64 * 1_024 * 1_024;

/** Follows a stream of pieces without holding any of it, to know whether the last one has come. */
export class PieceWatch {
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #left = 0;
  /** All of the last piece was seen. */
  isOver = false;

  see(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && !this.isOver; ) {
      const isHead = this.#headBytes < HEAD_BYTES;
      at += isHead ? this.#seeHead(bytes, at) : this.#seePayload(bytes.length - at);
      if (this.#headBytes === HEAD_BYTES && this.#left === 0) {
        this.#headBytes = 0;
        this.isOver = this.#head[0] === LAST;
      }
    }
  }

  #seeHead(bytes: Buffer, at: number): number {
    const size = bytes.copy(this.#head, this.#headBytes, at, at + HEAD_BYTES - this.#headBytes);
    this.#headBytes += size;
    if (this.#headBytes === HEAD_BYTES) this.#left = this.#head.readUInt32BE(4);
    return size;
  }

  #seePayload(most: number): number {
    const size = Math.min(this.#left, most);
    this.#left -= size;
    return size;
  }
}

const guestError = z.object({
  error: z.object({ code: z.string(), message: z.string() }),
});
const answer = z.object({ result: z.record(z.string(), z.json()) });

const CODES: Readonly<Record<string, ErrorCode>> = {
  'not-found': 'guest-path-not-found',
  invalid: 'guest-refused',
  conflict: 'guest-conflict',
};

/** The result of a call. @throws StowageError with what the guest says; `guest-failed` for what is no answer */
export async function readAnswer(pieces: Readable): Promise<JsonObject> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of pieces as AsyncIterable<Buffer>) {
    parts.push(part);
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new StowageError('guest-failed', 'the guest gives no end of an answer');
  }
  const last = lastOf(Buffer.concat(parts));
  const failed = guestError.safeParse(last);
  if (failed.success) {
    const { code, message } = failed.data.error;
    throw new StowageError(CODES[code] ?? 'guest-failed', message);
  }
  const read = answer.safeParse(last);
  if (!read.success) throw new StowageError('guest-failed', 'the guest gave an answer that is none');
  return read.data.result;
}

function lastOf(bytes: Buffer): unknown {
  const json: Buffer[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    const payload = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    // An answer that is longer than a piece lies in pieces of type 1 before the last.
    if (bytes[at] === 1 || bytes[at] === LAST) json.push(payload);
    if (bytes[at] === LAST) {
      try {
        return JSON.parse(Buffer.concat(json).toString('utf8'));
      } catch {
        return undefined;
      }
    }
    at += HEAD_BYTES + length;
  }
  throw new StowageError('guest-unreachable', 'the guest was lost before it answered');
}
