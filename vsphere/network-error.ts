import { StowageError } from '../core/errors.ts';
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

const TRUST_CODES: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const CUT_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** @param server host and port, for the message */
export function networkError(cause: unknown, server: string, wasSent: boolean): StowageError {
  if (cause instanceof StowageError) return cause;
  const code = codeOf(cause);
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : code;
  if (cause instanceof ThumbprintMismatch || TRUST_CODES.has(code)) {
    return new ExchangeError('vcenter-untrusted', `${server} is not trusted: ${reason}`, {
      cause,
      wasSent,
      wasCut: false,
    });
  }
  const wasCut = CUT_CODES.has(code);
  return new ExchangeError('vcenter-unreachable', `no answer from ${server}: ${reason}`, { cause, wasSent, wasCut });
}
