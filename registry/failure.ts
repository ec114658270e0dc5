import type { ErrorCode } from '../core/error-codes.ts';
import { StowageError } from '../core/errors.ts';
import { codeOf, isTrustCode } from '../platform/system-error.ts';

// What the network throws, as errors of the catalogue. Nothing that was sent or received goes into one of them.

type NetworkCode = Extract<ErrorCode, 'registry-unknown' | 'registry-unreachable' | 'registry-untrusted'>;

/** A request that got no answer. */
export class NetworkFailure extends StowageError {
  /** The server does not speak TLS at all: it may speak plain HTTP. */
  readonly isPlain: boolean;
  /** The connection ended before the answer: a kept connection that the server had closed, perhaps. */
  readonly isCut: boolean;

  constructor(code: NetworkCode, message: string, facts: { cause: Error; isPlain: boolean; isCut: boolean }) {
    super(code, message, { cause: facts.cause });
    this.isPlain = facts.isPlain;
    this.isCut = facts.isCut;
  }
}

const PLAIN_CODES: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
]);
const CUT_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Why a signal fired, as an error of the catalogue. */
export function abortError(signal: AbortSignal): StowageError {
  const reason: unknown = signal.reason;
  if (reason instanceof StowageError) return reason;
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError';
  return isTimeout
    ? new StowageError('deadline-exceeded', 'the time for this was up', { cause: reason })
    : new StowageError('job-cancelled', 'the caller gave up waiting', { cause: reason });
}

/** Name, message and code only: undici's parser error, for one, carries the bytes of the answer, where a token may be. */
function safeCause(thrown: unknown): Error {
  const cause = new Error(thrown instanceof Error ? thrown.message : 'unknown');
  if (thrown instanceof Error) cause.name = thrown.name;
  const code = codeOf(thrown);
  return code === '' ? cause : Object.assign(cause, { code });
}

/** @param host host and port, for the message */
export function networkFailure(thrown: unknown, host: string, signal: AbortSignal): StowageError {
  if (signal.aborted) return abortError(signal);
  if (thrown instanceof StowageError) return thrown;
  // Through a proxy, undici wraps what the TLS handshake threw.
  if (codeOf(thrown) === 'UND_ERR_PRX_TLS' && thrown instanceof Error && thrown.cause instanceof Error) {
    return networkFailure(thrown.cause, host, signal);
  }
  const code = codeOf(thrown);
  const cause = safeCause(thrown);
  const isPlain = PLAIN_CODES.has(code);
  const facts = { cause, isPlain, isCut: CUT_CODES.has(code) };
  const reason = cause.message === '' ? code : cause.message;
  if (code === 'ENOTFOUND') {
    return new NetworkFailure('registry-unknown', `no such host: ${host}`, facts);
  }
  if (isPlain) {
    const message = `${host} does not answer by HTTPS: if it speaks plain HTTP, list it in STOWAGE_REGISTRY_INSECURE`;
    return new NetworkFailure('registry-untrusted', message, facts);
  }
  if (isTrustCode(code) || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
    return new NetworkFailure('registry-untrusted', `${host} is not trusted: ${reason}`, facts);
  }
  return new NetworkFailure('registry-unreachable', `no answer from ${host}: ${reason}`, facts);
}
