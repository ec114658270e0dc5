import { signal } from '@preact/signals';
import type { StowageEvent } from '../api/event.ts';
import { noteSignedOut } from '../session/session.ts';
import { framesOf } from './frames.ts';

// One stream of all events for the whole console. It is read with fetch: an EventSource hears only types that it was told by name, gives
// up for good at the first 502 of a restart, and cannot tell that the session is over. While the tab is hidden the stream is closed
// (HTTP/1.1 has six connections for all tabs together), and goes on where it was when the tab shows again.

/** Twice the time between two of the api's signs of life, and some. */
const SILENCE_MS = 40_000;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 15_000;

export type Liveness = 'connecting' | 'live' | 'paused' | 'lost';
export const liveness = signal<Liveness>('connecting');

type Listener = (event: StowageEvent) => void;
const listeners = new Set<Listener>();
/** Called when events may have been missed: whoever shows something looks again. */
const resyncs = new Set<() => void>();

/** @returns what ends it */
export function onEvent(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function onResync(listener: () => void): () => void {
  resyncs.add(listener);
  return () => resyncs.delete(listener);
}

/** Runs until the signal fires. */
export async function followEvents(stopping: AbortSignal): Promise<void> {
  let after: string | undefined;
  let failures = 0;
  while (!stopping.aborted) {
    if (document.hidden) {
      liveness.value = 'paused';
      await untilOne(['visibilitychange'], stopping);
      continue;
    }
    const interruption = interruptedBy(() => document.hidden || !navigator.onLine);
    try {
      for await (const id of readOnce(after, AbortSignal.any([stopping, interruption.signal]))) {
        failures = 0;
        after = id ?? after;
      }
    } catch {
      // Whatever it was: the stream is gone, and is opened again below.
    } finally {
      interruption.end();
    }
    if (stopping.aborted || document.hidden) continue;
    liveness.value = failures > 0 || !navigator.onLine ? 'lost' : 'connecting';
    await untilOne(['online', 'visibilitychange'], stopping, Math.min(RETRY_MS * 2 ** failures, MAX_RETRY_MS));
    failures += 1;
  }
}

/** A connection that nothing can come over any more looks like one on which nothing happens: the browser says it first. */
function interruptedBy(isInterrupted: () => boolean): { readonly signal: AbortSignal; readonly end: () => void } {
  const interruption = new AbortController();
  const look = (): void => {
    if (isInterrupted()) interruption.abort();
  };
  document.addEventListener('visibilitychange', look);
  window.addEventListener('offline', look);
  return {
    signal: interruption.signal,
    end: () => {
      document.removeEventListener('visibilitychange', look);
      window.removeEventListener('offline', look);
    },
  };
}

/** Yields the place in the stream after each message. */
async function* readOnce(after: string | undefined, signal: AbortSignal): AsyncGenerator<string | undefined, void> {
  const silent = new AbortController();
  const response = await fetch('/v1/events', {
    credentials: 'same-origin',
    headers: { accept: 'text/event-stream', ...(after === undefined ? {} : { 'last-event-id': after }) },
    signal: AbortSignal.any([signal, silent.signal]),
  });
  if (response.status === 401) noteSignedOut();
  if (!response.ok || response.body === null) throw new Error(`the stream of events answered ${response.status}`);
  liveness.value = 'live';
  // Without a place to go on from, what happened while there was no stream is unknown.
  if (after === undefined) for (const resync of resyncs) resync();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    for await (const frame of framesOf(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      if (frame.data !== undefined) tell(JSON.parse(frame.data) as StowageEvent);
      yield frame.id;
    }
  } finally {
    clearTimeout(timer);
  }
}

function tell(event: StowageEvent): void {
  for (const listener of listeners) listener(event);
}

/** Until one of these happens (events of the document come up to the window), or the time is over. */
async function untilOne(events: readonly string[], stopping: AbortSignal, ms?: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  const timer = ms === undefined ? undefined : setTimeout(done, ms);
  for (const event of events) window.addEventListener(event, done);
  stopping.addEventListener('abort', done);
  await promise;
  clearTimeout(timer);
  for (const event of events) window.removeEventListener(event, done);
  stopping.removeEventListener('abort', done);
}
