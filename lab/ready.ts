import { setTimeout as delay } from 'node:timers/promises';
import { formatListen, type ListenAddress } from '../platform/listen.ts';

const POLL_MS = 100;
const REQUEST_DEADLINE_MS = 5000;

/** The address at which this machine itself reaches a server that listens there. */
export function baseUrl({ host, port }: ListenAddress): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${formatListen({ host: own, port })}`;
}

/** Given up before it was ready; the message says what it lacked. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

/**
 * Polls `/readyz` until it answers 200.
 * @param late told once, with the last answer, when that takes longer than expected: whoever waits wants to know for what
 * @throws NotReadyError with the last answer when the signal fires first
 */
export async function waitUntilReady(
  listen: ListenAddress,
  signal: AbortSignal,
  late: { readonly afterMs: number; readonly tell: (answer: string) => void },
): Promise<void> {
  let answer = 'no answer';
  let tellAtMs = performance.now() + late.afterMs;
  while (!signal.aborted) {
    try {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_DEADLINE_MS)]);
      const response = await fetch(`${baseUrl(listen)}/readyz`, { signal: deadline });
      const body = await response.text();
      if (response.ok) return;
      answer = `${response.status} ${body}`.trim();
    } catch {
      // Not listening yet.
    }
    if (performance.now() >= tellAtMs) {
      tellAtMs = Number.POSITIVE_INFINITY;
      late.tell(answer);
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  const reason = signal.reason instanceof Error ? signal.reason.message : 'stopped';
  throw new NotReadyError(`${reason}; ${baseUrl(listen)}/readyz says: ${answer}`);
}
