import type { Readable } from 'node:stream';
import type { ErrorCode } from '../../core/error-codes.ts';
import { StowageError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/job.ts';
import { chunksOf } from './hijack.ts';

// Streams from a guest are pieces: type (1 byte), three zeros, length (4 bytes, big-endian), payload. guest/PROTOCOL.md says which there are.

export interface OutputPiece {
  readonly type: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}
export type Piece =
  | OutputPiece
  | { readonly type: 'news'; readonly about: JsonObject }
  | { readonly type: 'last'; readonly about: JsonObject };

const HEAD_BYTES = 8;
const MAX_PIECE_BYTES = 65_536;

/**
 * What comes until the last piece, which is one of them.
 *
 * @throws StowageError `guest-failed` for what is no piece, and for a stream that ends before its last; what the stream fails with;
 * the signal's reason
 */
export async function* readPieces(stream: Readable, signal: AbortSignal): AsyncGenerator<Piece> {
  let held: Buffer = Buffer.alloc(0);
  // Stays: a stream that breaks tells it later than this reader finds it out.
  stream.on('error', () => undefined);
  for await (const chunk of chunksOf(stream, signal)) {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (let end = endOfPiece(held); end !== undefined; end = endOfPiece(held)) {
      const piece = parsePiece(held.subarray(0, end));
      held = held.subarray(end);
      yield piece;
      if (piece.type === 'last') return;
    }
  }
  signal.throwIfAborted();
  throw stream.errored ?? new StowageError('guest-failed', 'the guest ended in the middle of an answer');
}

/** undefined: it is not all there. */
function endOfPiece(bytes: Buffer): number | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = bytes.readUInt32BE(4);
  if (length > MAX_PIECE_BYTES) throw new StowageError('guest-failed', `the guest sent a piece of ${length} bytes`);
  return bytes.length < HEAD_BYTES + length ? undefined : HEAD_BYTES + length;
}

function parsePiece(bytes: Buffer): Piece {
  const payload = bytes.subarray(HEAD_BYTES);
  const type = bytes[0] ?? 0;
  switch (type) {
    case 1:
      return { type: 'stdout', bytes: payload };
    case 2:
      return { type: 'stderr', bytes: payload };
    case 3:
      return { type: 'last', about: parseObject(payload) };
    case 4:
      return { type: 'news', about: parseObject(payload) };
    default:
      throw new StowageError('guest-failed', `the guest sent a piece of the unknown type ${type}`);
  }
}

function parseObject(bytes: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (cause) {
    throw new StowageError('guest-failed', 'the guest sent a piece that is not JSON', { cause });
  }
  throw new StowageError('guest-failed', 'the guest sent a piece that is not an object');
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  'not-found': 'guest-path-not-found',
  invalid: 'guest-refused',
  conflict: 'guest-conflict',
};

/** The error that a last piece names. */
export function errorIn(about: JsonObject): StowageError | undefined {
  const { error } = about;
  if (error === undefined) return undefined;
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as Readonly<
    Record<string, Json>
  >;
  return new StowageError(
    (typeof code === 'string' ? CODES[code] : undefined) ?? 'guest-failed',
    typeof message === 'string' ? message : 'the guest failed and did not say why',
  );
}

/** The bytes of what the guest sends of itself. @throws what its last piece names, and as `readPieces` */
export async function* bytesOf(stream: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  for await (const piece of readPieces(stream, signal)) {
    if (piece.type === 'stdout') yield piece.bytes;
    const error = piece.type === 'last' ? errorIn(piece.about) : undefined;
    if (error !== undefined) throw error;
  }
}
