import type { JobId } from '../core/ids.ts';
import type { RedisClient } from './redis.ts';

/** Hears which jobs are over, on one subscription for all who wait. */
export interface OverListener {
  /**
   * Resolves when it is time to look at the job: when it is said to be over, when the subscription stands (again) and may have missed
   * that, after `atMostMs` in any case, or when the signal fires.
   */
  next(id: JobId, atMostMs: number, signal: AbortSignal): { readonly done: Promise<void>; cancel(): void };
  close(): void;
}

export function listenForOver(subscriber: RedisClient, channel: string): OverListener {
  const waiting = new Map<string, Set<() => void>>();
  subscriber.on('message', (from: string, ids: string) => {
    if (from !== channel) return;
    for (const id of ids.split(' ')) for (const wake of waiting.get(id) ?? []) wake();
  });
  const wakeAll = (): void => {
    for (const set of waiting.values()) for (const wake of set) wake();
  };
  // A message that came while nobody was subscribed is lost: at the start, and whenever the connection was.
  const listen = (): void => void subscriber.subscribe(channel).then(wakeAll, () => undefined);
  subscriber.on('ready', listen);
  if (subscriber.status === 'ready') listen();
  return {
    next(id, atMostMs, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        const set = waiting.get(id);
        set?.delete(wake);
        if (set?.size === 0) waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(wake, atMostMs);
      signal.addEventListener('abort', wake, { once: true });
      waiting.set(id, (waiting.get(id) ?? new Set()).add(wake));
      return { done: promise, cancel: wake };
    },
    close: wakeAll,
  };
}
