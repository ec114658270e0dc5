import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { StowageEvent } from '../../core/events.ts';
import type { EventStore } from '../../core/ports/jobs.ts';
import type { Answer } from './answer.ts';
import { eventFilter } from './event-filter.ts';
import { type DockerEvent, renderEvent } from './event-view.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { parseTime } from './time.ts';

const PAGE = 500;
/** The longest that a timer of Node waits. */
const MAX_TIMER_MS = 2_147_483_647;

interface Window {
  /** undefined: only what happens from now on. */
  readonly sinceMs?: number;
  /** undefined: until the client goes. */
  readonly untilMs?: number;
}

async function stream(call: Call, { events, clock }: DockerParts): Promise<Answer> {
  const nowMs = clock.nowMs();
  const matches = eventFilter(call.query);
  const window = windowOf(call.query, nowMs);
  const { sinceMs, untilMs } = window;
  if (sinceMs !== undefined && untilMs !== undefined && untilMs < sinceMs)
    throw new StowageError('request-invalid', '`since` time cannot be after `until` time');
  // Pinned before the header goes: who sees the stream open misses nothing that happens from then on.
  const after = sinceMs === undefined ? await newestId(events) : `${Math.max(0, Math.floor(sinceMs) - 1)}-9999999`;
  const source =
    untilMs !== undefined && untilMs <= nowMs
      ? past(events, window)
      : events.follow(after, until(call.signal, untilMs, nowMs));
  return { type: 'lines', lines: rendered(source, window, matches) };
}

function windowOf(query: URLSearchParams, nowMs: number): Window {
  const [since, until] = [query.get('since') ?? '', query.get('until') ?? ''];
  return {
    ...(since === '' || since === '0' ? {} : { sinceMs: parseTime(since, nowMs) }),
    ...(until === '' || until === '0' ? {} : { untilMs: parseTime(until, nowMs) }),
  };
}

async function newestId(events: EventStore): Promise<string> {
  return (await events.list({ limit: 1 })).items[0]?.id ?? '0-0';
}

function until(signal: AbortSignal, untilMs: number | undefined, nowMs: number): AbortSignal {
  if (untilMs === undefined) return signal;
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(Math.ceil(untilMs - nowMs), MAX_TIMER_MS))]);
}

/** All of a window that is over, oldest first. Without a beginning it is empty, as with dockerd. */
async function* past(events: EventStore, { sinceMs, untilMs = 0 }: Window): AsyncGenerator<StowageEvent> {
  if (sinceMs === undefined) return;
  const found: StowageEvent[] = [];
  let cursor: string | undefined = `${Math.floor(untilMs) + 1}-0`;
  while (cursor !== undefined) {
    const page = await events.list({ limit: PAGE, cursor });
    const young = page.items.filter((event) => Date.parse(event.time) >= sinceMs);
    found.push(...young);
    cursor = young.length < page.items.length ? undefined : page.next;
  }
  yield* found.toReversed();
}

async function* rendered(
  source: AsyncIterable<StowageEvent>,
  { sinceMs = 0, untilMs = Number.POSITIVE_INFINITY }: Window,
  matches: (event: DockerEvent) => boolean,
): AsyncGenerator<DockerEvent> {
  try {
    for await (const event of source) {
      const atMs = Date.parse(event.time);
      if (atMs < Math.floor(sinceMs)) continue;
      if (atMs > untilMs) return;
      const shown = renderEvent(event);
      if (shown !== undefined && matches(shown)) yield shown;
    }
  } catch (error) {
    // A last line that is no event would confuse clients; they come back by themselves.
    if (!isErrorCode(error, 'redis-unavailable')) throw error;
  }
}

export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/events',
    role: 'viewer',
    support: { as: 'partial', missing: 'events of networks, daemon and plugins (there are none)' },
    handler: stream,
  },
];
