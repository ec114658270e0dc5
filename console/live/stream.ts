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
      await untilVisible(stopping);
      continue;
    }
    const hiding = new AbortController();
    const onHide = (): void => {
      if (document.hidden) hiding.abort();
    };
    document.addEventListener('visibilitychange', onHide);
    try {
      for await (const id of readOnce(after, AbortSignal.any([stopping, hiding.signal]))) {
        failures = 0;
        after = id ?? after;
      }
    } catch {
      // Whatever it was: the stream is gone, and is opened again below.
    } finally {
      document.removeEventListener('visibilitychange', onHide);
    }
    if (stopping.aborted || document.hidden) continue;
    liveness.value = failures > 1 ? 'lost' : 'connecting';
    await pause(Math.min(RETRY_MS * 2 ** failures, MAX_RETRY_MS), stopping);
    failures += 1;
  }
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

async function untilVisible(stopping: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  document.addEventListener('visibilitychange', () => resolve(), { once: true });
  stopping.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

async function pause(ms: number, stopping: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  stopping.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
