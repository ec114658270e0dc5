import { isErrorCode } from '../../core/errors.ts';
import type { StowageEvent } from '../../core/events.ts';
import type { EventStore } from '../../core/ports/jobs.ts';

// The format of server-sent events (HTML Standard, 9.2).

const BEAT_MS = 15_000;
const RECONNECT_MS = 1_000;

export interface Following {
  readonly events: EventStore;
  readonly after: string;
  readonly matches: (event: StowageEvent) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Frames, one at a time as they are asked for: nothing is read ahead of a slow client but one event. Ends when the signal fires, or
 * when Redis is away (the client comes back with the last id it has seen).
 */
export async function* eventFrames({ events, after, matches, signal }: Following): AsyncGenerator<string, void> {
  yield `retry: ${RECONNECT_MS}\n\n`;
  const iterator = events.follow(after, signal)[Symbol.asyncIterator]();
  let next = settle(iterator.next());
  let passedOver: string | undefined;
  try {
    for (;;) {
      const got = await orBeat(next);
      if (got.outcome === 'failed') {
        if (!isErrorCode(got.error, 'redis-unavailable') && !signal.aborted) throw got.error;
        return;
      }
      if (got.outcome === 'end') return;
      if (got.outcome === 'beat') {
        // An id without data moves the client's place on past events that its filter hides.
        yield passedOver === undefined ? ': beat\n\n' : `: beat\nid: ${passedOver}\n\n`;
        passedOver = undefined;
        continue;
      }
      next = settle(iterator.next());
      const { event } = got;
      if (matches(event)) yield `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
      passedOver = matches(event) ? undefined : event.id;
    }
  } finally {
    await iterator.return?.();
  }
}

type Next =
  | { readonly outcome: 'event'; readonly event: StowageEvent }
  | { readonly outcome: 'end' }
  | { readonly outcome: 'failed'; readonly error: unknown };

/** Never rejects: it may be left behind when the client goes. */
async function settle(next: Promise<IteratorResult<StowageEvent>>): Promise<Next> {
  try {
    const { done, value } = await next;
    return done === true ? { outcome: 'end' } : { outcome: 'event', event: value };
  } catch (error) {
    return { outcome: 'failed', error };
  }
}

async function orBeat(next: Promise<Next>): Promise<Next | { readonly outcome: 'beat' }> {
  const { promise, resolve } = Promise.withResolvers<{ readonly outcome: 'beat' }>();
  const timer = setTimeout(() => resolve({ outcome: 'beat' }), BEAT_MS);
  try {
    return await Promise.race([next, promise]);
  } finally {
    clearTimeout(timer);
  }
}
