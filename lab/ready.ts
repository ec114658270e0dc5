import { setTimeout as delay } from 'node:timers/promises';
import { formatListen, type ListenAddress } from '../platform/listen.ts';

const POLL_MS = 100;
const REQUEST_DEADLINE_MS = 5000;

/** The address at which this machine itself reaches a server that listens there. */
export function baseUrl({ host, port }: ListenAddress): string {
  const own = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${formatListen({ host: own, port })}`;
}

/** Polls `/readyz` until it answers 200. @throws with its last answer when the signal fires first */
export async function waitUntilReady(listen: ListenAddress, signal: AbortSignal): Promise<void> {
  let answer = 'no answer';
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
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  const reason = signal.reason instanceof Error ? signal.reason.message : 'stopped';
  throw new Error(`${reason}; ${baseUrl(listen)}/readyz says: ${answer}`);
}
