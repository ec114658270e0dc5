import {
  type CodeRule,
  ERROR_CODES,
  ERROR_KINDS,
  type Disposition,
  type ErrorCode,
  type ErrorKind,
} from './error-codes.ts';

// Errors as they are thrown, kept and sent; error-codes.ts is the catalogue.

/** A field at fault: `pointer` is a JSON pointer into the request, e.g. `/payload/options/Capacity`. */
export interface FieldFault {
  readonly pointer: string;
  readonly detail: string;
}

export interface ErrorDetails {
  /** Who has the thing that was wanted, e.g. `machine lab-vm-1`. */
  readonly holder?: string;
  /** The file that is locked, as a datastore path. */
  readonly file?: string;
  readonly fields?: readonly FieldFault[];
  readonly retryAfterMs?: number;
  /** It was waited for long enough: no other attempt, whatever the code says. */
  readonly isFinal?: true;
  /** The vSphere fault as it came, without credentials. */
  readonly fault?: { readonly type: string; readonly message: string; readonly detail?: unknown };
}

/** What is kept of an error in a job, sent in a problem document, and logged. Plain JSON. */
export interface ErrorFacts extends ErrorDetails {
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly message: string;
  /** Of a dead letter's error: the same for all that failed for the same reason (fingerprint.ts). */
  readonly fingerprint?: string;
}

/** The only class of errors that crosses a border of ours. */
export class StowageError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { readonly cause?: unknown } = {}) {
    const { cause, ...rest } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StowageError';
    this.code = code;
    this.details = rest;
  }

  get kind(): ErrorKind {
    return ERROR_CODES[this.code].kind;
  }

  get facts(): ErrorFacts {
    return { kind: this.kind, code: this.code, message: this.message, ...this.details };
  }
}

function ruleOf(code: ErrorCode): CodeRule {
  return ERROR_CODES[code];
}

export function statusOf(code: ErrorCode): number {
  return ruleOf(code).status ?? ERROR_KINDS[ruleOf(code).kind].status;
}

export function dispositionOf(code: ErrorCode): Disposition {
  return ruleOf(code).disposition ?? ERROR_KINDS[ruleOf(code).kind].disposition;
}

export function adviceOf(code: ErrorCode): string {
  return ruleOf(code).advice;
}

/** Anything thrown, as an error of the catalogue; what is not one is `internal-error` with its cause kept. */
export function asStowageError(thrown: unknown): StowageError {
  if (thrown instanceof StowageError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StowageError('internal-error', message, { cause: thrown });
}

export function isErrorCode(thrown: unknown, ...codes: readonly ErrorCode[]): thrown is StowageError {
  return thrown instanceof StowageError && codes.includes(thrown.code);
}
