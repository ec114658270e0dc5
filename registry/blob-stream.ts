import { StowageError } from '../core/errors.ts';
import type { BlobSource } from '../core/ports/registry.ts';
import { shortId } from '../core/reference.ts';
import type { Logger } from '../platform/log.ts';
import { pause } from '../platform/pause.ts';
import type { RandomBytes } from '../platform/clock.ts';
import type { Authorizer } from './authorizer.ts';
import { type Answer, drop } from './caller.ts';
import { abortError, networkFailure } from './failure.ts';
import { blobUnknown, pullCall, type RepositoryCall } from './image-resolver.ts';
import { backoffMs, type RegistryTuning } from './tuning.ts';

interface BlobStreamOptions {
  readonly authorizer: Authorizer;
  readonly logger: Logger;
  readonly random: RandomBytes;
  readonly tuning: RegistryTuning;
}

/** Errors after which the same question may have another answer soon. */
const PASSING: ReadonlySet<string> = new Set(['registry-unreachable', 'registry-failed']);

/** Bytes of a body, from the offset that was asked for on. */
interface Opened {
  readonly answer: Answer;
  /** What the server repeats of what is there already. */
  readonly surplusBytes: number;
}

/** One blob at one endpoint: mends breaks until as many bytes as the manifest says have come. */
export class BlobStreams {
  readonly #options: BlobStreamOptions;

  constructor(options: BlobStreamOptions) {
    this.#options = options;
  }

  /** @param arrived is told of each piece before it is handed on */
  async *read(
    source: BlobSource,
    offset: number,
    call: RepositoryCall,
    arrived: (bytes: number) => void = () => undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let at = offset;
    for (let breaks = 0; at < source.sizeBytes; breaks += 1) {
      if (breaks > 0) await this.#backOff(breaks, at, source, call);
      try {
        const opened = await this.#open(source, at, call);
        for await (const piece of pieces(opened)) {
          if (at + piece.length > source.sizeBytes) throw wrongSize(source, call, 'more bytes');
          at += piece.length;
          breaks = 0;
          arrived(piece.length);
          yield piece;
        }
      } catch (thrown) {
        const error = networkFailure(thrown, call.endpoint.name, call.signal);
        if (!PASSING.has(error.code) || breaks >= this.#options.tuning.maxBreaks) throw error;
        continue;
      }
      // The answer ended as it should, and too early all the same.
      if (at < source.sizeBytes && breaks >= this.#options.tuning.maxBreaks)
        throw wrongSize(source, call, `${at} bytes`);
    }
  }

  async #backOff(breaks: number, at: number, source: BlobSource, call: RepositoryCall): Promise<void> {
    const waitMs = backoffMs(breaks - 1, this.#options);
    const facts = { registry: call.endpoint.name, blob: source.digest, at, sizeBytes: source.sizeBytes, waitMs };
    this.#options.logger.debug(facts, 'the transfer of a blob broke; it goes on where it was');
    await pause(waitMs, call.signal);
    if (call.signal.aborted) throw abortError(call.signal);
  }

  async #open(source: BlobSource, at: number, call: RepositoryCall): Promise<Opened> {
    const headers = at === 0 ? {} : { range: `bytes=${at}-` };
    const target = `${source.repository}/blobs/${source.digest}`;
    const answer = await this.#options.authorizer.send(pullCall(call, { purpose: 'blob', target, headers }));
    const { status } = answer;
    if (status === 200) {
      const length = Number(answer.headers['content-length'] ?? source.sizeBytes);
      if (length !== source.sizeBytes) return reject(answer, wrongSize(source, call, `${length} bytes`));
      // The server ignores ranges: what is there already comes once more.
      return { answer, surplusBytes: at };
    }
    if (status === 206) return openPart(answer, source, at, call);
    if (status === 416) return reject(answer, wrongSize(source, call, `no byte ${at}`));
    if (status === 404) return reject(answer, blobUnknown(source.digest, call));
    const name = call.endpoint.name;
    const message = `${name} answered ${status} when asked for the blob ${shortId(source.digest)}`;
    return reject(answer, new StowageError('registry-failed', message));
  }
}

/** RFC 9110 §14.4: `bytes 500-999/1000`, the total may be `*`. */
async function openPart(answer: Answer, source: BlobSource, at: number, call: RepositoryCall): Promise<Opened> {
  const header = answer.headers['content-range'] ?? '';
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header.trim());
  const start = Number(match?.[1] ?? Number.NaN);
  const total = match?.[3] ?? '*';
  if (total !== '*' && Number(total) !== source.sizeBytes) {
    return reject(answer, wrongSize(source, call, `${total} bytes`));
  }
  if (!(start <= at)) {
    const message = `${call.endpoint.name} gave another range of the blob ${shortId(source.digest)} than was asked for`;
    return reject(answer, new StowageError('registry-failed', message));
  }
  return { answer, surplusBytes: at - start };
}

async function reject(answer: Answer, error: StowageError): Promise<never> {
  await drop(answer);
  throw error;
}

/** Whoever stops reading ends the transfer: the body is destroyed with its iterator. */
async function* pieces({ answer, surplusBytes }: Opened): AsyncGenerator<Buffer, void, undefined> {
  let surplus = surplusBytes;
  for await (const chunk of answer.body) {
    if (!Buffer.isBuffer(chunk)) continue;
    const skipped = Math.min(surplus, chunk.length);
    surplus -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}

function wrongSize(source: BlobSource, call: RepositoryCall, actual: string): StowageError {
  const where = `the blob ${shortId(source.digest)} of ${source.repository} at ${call.endpoint.name}`;
  return new StowageError('layer-invalid', `${where} has ${actual}, and its manifest says ${source.sizeBytes}`);
}
