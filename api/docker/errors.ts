import type { ErrorCode, ErrorKind } from '../../core/error-codes.ts';
import type { StowageError } from '../../core/errors.ts';
import { refusal } from './answer.ts';

/** The one place that says which HTTP status Docker's clients get. On creating a container, 404 would mean "pull the image". */
const STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  unsupported: 501,
  unavailable: 503,
  internal: 500,
};

/** dockerd's own, where it is not the kind's: an image that a registry does not show is not found, whatever the reason. */
const OF_CODE: { readonly [C in ErrorCode]?: number } = {
  'registry-denied': 404,
  'registry-unknown': 500,
  'registry-unreachable': 500,
  'registry-untrusted': 500,
};

function statusOf(error: StowageError): number {
  return OF_CODE[error.code] ?? STATUS[error.kind];
}

/** The message of a fault of ours may tell what callers have no business with; the log has it, under the trace id. */
export function messageOf(error: StowageError, traceId: string): string {
  return error.code === 'internal-error' ? `Stowage failed; its log says why, under ${traceId}` : error.message;
}

export function answerOf(error: StowageError, traceId: string): ReturnType<typeof refusal> {
  return refusal(statusOf(error), messageOf(error, traceId));
}
