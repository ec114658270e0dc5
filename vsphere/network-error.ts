import { StowageError } from '../core/errors.ts';
import { codeOf, isTrustCode } from '../platform/system-error.ts';
import { ThumbprintMismatch } from './trust.ts';

/** An exchange that got no whole answer. `wasSent`: the request may have reached the server. */
export class ExchangeError extends StowageError {
  readonly wasSent: boolean;
  /** The connection ended; it was not we who gave up waiting. */
  readonly wasCut: boolean;

  constructor(
    code: 'vcenter-unreachable' | 'vcenter-untrusted',
    message: string,
    facts: { readonly cause: unknown; readonly wasSent: boolean; readonly wasCut: boolean },
  ) {
    super(code, message, { cause: facts.cause });
    this.wasSent = facts.wasSent;
    this.wasCut = facts.wasCut;
  }
}

const CUT_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

/** @param server host and port, for the message */
export function networkError(cause: unknown, server: string, wasSent: boolean): StowageError {
  if (cause instanceof StowageError) return cause;
  const code = codeOf(cause);
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : code;
  if (cause instanceof ThumbprintMismatch || isTrustCode(code)) {
    return new ExchangeError('vcenter-untrusted', `${server} is not trusted: ${reason}`, {
      cause,
      wasSent,
      wasCut: false,
    });
  }
  const wasCut = CUT_CODES.has(code);
  return new ExchangeError('vcenter-unreachable', `no answer from ${server}: ${reason}`, { cause, wasSent, wasCut });
}
