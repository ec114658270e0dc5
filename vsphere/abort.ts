import { StowageError } from '../core/errors.ts';

/** Why a signal fired, as an error of the catalogue. */
export function abortError(signal: AbortSignal): StowageError {
  const reason: unknown = signal.reason;
  if (reason instanceof StowageError) return reason;
  const isTimeout = reason instanceof Error && reason.name === 'TimeoutError';
  return isTimeout
    ? new StowageError('deadline-exceeded', 'the time for this was up', { cause: reason })
    : new StowageError('job-cancelled', 'the caller gave up waiting', { cause: reason });
}

/** What several wait for, for one of them: it goes on for the others when this one's signal fires. */
export function orAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  if (signal.aborted) {
    // Nobody else may be there to hear that it failed.
    shared.catch(() => undefined);
    return Promise.reject(abortError(signal));
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', onAbort);
    shared.then(resolve, reject).finally(settled);
  });
}
