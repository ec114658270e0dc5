import type { StowageError } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { RequestTrace } from './request-trace.ts';

// The only place that logs requests: no header, no query and no body goes into a line.

/** What failed in a request and is not the caller's doing. */
export function logFailure(
  logger: Logger,
  error: StowageError,
  where: { readonly trace: RequestTrace | null; readonly route: string; readonly status: number },
): void {
  if (error.kind !== 'internal' && error.kind !== 'unavailable') return;
  const line = { trace_id: where.trace?.traceId, route: where.route, code: error.code };
  if (error.kind === 'internal') logger.error({ ...line, err: error }, 'a request failed');
  else logger.warn({ ...line, reason: error.message, status: where.status }, 'a request could not be served');
}

export interface RequestLine {
  readonly trace: RequestTrace | null;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly actor: string | undefined;
  readonly nowMs: number;
  /** Asked for all the time by machines. */
  readonly isQuiet: boolean;
}

/** One line a request. */
export function logRequest(logger: Logger, { trace, isQuiet, nowMs, method, path, status, actor }: RequestLine): void {
  const durationMs = trace === null ? undefined : Math.round(nowMs - trace.startedMs);
  const line = { trace_id: trace?.traceId, method, path, status, durationMs, actor };
  if (isQuiet) logger.debug(line, 'request');
  else logger.info(line, 'request');
}
