import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import type { EventStore } from '../../core/ports/jobs.ts';
import { eventFrames } from './event-stream.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const event: StowageEvent = {
  id: '7-0',
  type: 'job.started',
  time: '2026-11-01T12:00:00.000Z',
  subject: 'job:x',
  data: {},
};

/** Tells these events, then nothing until the signal fires. */
function tells(...events: readonly StowageEvent[]): EventStore {
  return {
    list: () => Promise.resolve({ items: [] }),
    about: () => Promise.resolve([]),
    async *follow(_after, signal) {
      yield* events;
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
}

async function beatOf(events: EventStore): Promise<string | undefined> {
  const leaving = new AbortController();
  const frames = eventFrames({ events, after: '0', matches: () => false, signal: leaving.signal });
  expect((await frames.next()).value).toBe('retry: 1000\n\n');
  const next = frames.next();
  await vi.advanceTimersByTimeAsync(15_000);
  const { value } = await next;
  leaving.abort();
  expect((await frames.next()).done).toBe(true);
  return value ?? undefined;
}

test('a silent stream beats every 15 seconds, and ends when its reader goes', async () => {
  expect(await beatOf(tells())).toBe(': beat\n\n');
});

test('a beat moves the reader past events that its filter hides', async () => {
  expect(await beatOf(tells(event))).toBe(': beat\nid: 7-0\n\n');
});
