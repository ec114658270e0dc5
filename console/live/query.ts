import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { get } from '../api/client.ts';
import type { StowageEvent } from '../api/event.ts';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { sessionView } from '../session/session.ts';
import { onEvent, onResync } from './stream.ts';

// What pages read, by path: shared by all that show it, kept for a while after the last one, and read again when an event touches it.

/** The first event waits this long for company. */
const SETTLE_MS = 150;
/** In a storm of events one path is not read more often than this. */
const LEAST_GAP_MS = 1_000;
/** Paths that nobody shows any more, the newest ones of which are kept: going back is instant. */
const KEPT = 40;
const RETRY_MS = 5_000;

export interface QueryState<T> {
  readonly data: T | undefined;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
}

export interface Query<T> extends QueryState<T> {
  readonly refetch: () => void;
}

export type Touches = (event: StowageEvent) => boolean;

class Entry<T> {
  readonly path: string;
  readonly state: Signal<QueryState<T>> = signal({ data: undefined, problem: undefined, isLoading: true });
  readonly touches = new Set<Touches>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: AbortController | undefined;
  #readAtMs = 0;

  constructor(path: string) {
    this.path = path;
  }

  async read(): Promise<void> {
    this.#clear();
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#readAtMs = performance.now();
    this.state.value = { ...this.state.peek(), isLoading: true };
    try {
      const data = await get<T>(this.path, reading.signal);
      if (!reading.signal.aborted) this.state.value = { data, problem: undefined, isLoading: false };
    } catch (error) {
      if (reading.signal.aborted || sessionView.peek() === undefined) return;
      const problem = problemOfThrown(error);
      this.state.value = { data: this.state.peek().data, problem, isLoading: false };
      if (problem.document.status === 0 || problem.document.status >= 500) this.#readIn(RETRY_MS);
    }
  }

  /** Soon, once for all that asks meanwhile. */
  readSoon(): void {
    this.#readIn(Math.max(SETTLE_MS, this.#readAtMs + LEAST_GAP_MS - performance.now()));
  }

  rest(): void {
    this.#clear();
    this.#reading?.abort();
  }

  #readIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      if (this.touches.size > 0) void this.read();
    }, ms);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

const entries = new Map<string, Entry<unknown>>();

let isFollowing = false;

/** From the first query on. */
function follow(): void {
  if (isFollowing) return;
  isFollowing = true;
  onEvent((event) => {
    for (const entry of entries.values()) {
      if ([...entry.touches].some((touches) => touches(event))) entry.readSoon();
    }
  });
  onResync(() => {
    for (const entry of entries.values()) {
      if (entry.touches.size > 0 && entry.state.peek().data !== undefined) entry.readSoon();
    }
  });
}

function entryOf<T>(path: string): Entry<T> {
  follow();
  const found = entries.get(path) as Entry<T> | undefined;
  const entry = found ?? new Entry<T>(path);
  // The newest last.
  entries.delete(path);
  entries.set(path, entry);
  const idle = [...entries.values()].filter(({ touches }) => touches.size === 0);
  for (const { path: old } of idle.slice(0, Math.max(0, idle.length - KEPT))) if (old !== path) entries.delete(old);
  return entry;
}

const never: Touches = () => false;
const nothing = signal<QueryState<never>>({ data: undefined, problem: undefined, isLoading: false });

/**
 * What a GET of `path` answers, kept current: read again whenever `touches` says so of an event. Nothing is read while `path` is
 * undefined. `touches` is taken as it is when the path changes, so it should depend on nothing but what the path depends on.
 */
export function useQuery<T>(path: string | undefined, touches: Touches = never): Query<T> {
  const entry = useMemo(() => (path === undefined ? undefined : entryOf<T>(path)), [path]);
  useEffect(() => {
    if (entry === undefined) return;
    const own: Touches = (event) => touches(event);
    entry.touches.add(own);
    void entry.read();
    return () => {
      entry.touches.delete(own);
      if (entry.touches.size === 0) entry.rest();
    };
  }, [entry]);
  const state = (entry?.state ?? nothing).value;
  return { ...state, refetch: () => void entry?.read() };
}

/** Everything is another's after signing in as somebody else. */
export function forgetQueries(): void {
  for (const entry of entries.values()) entry.rest();
  entries.clear();
}

/** Events about things of a type: `job`, `volume`, … or of one: `job:<id>`. */
export function about(...subjects: readonly string[]): Touches {
  return ({ subject }) =>
    subjects.some((wanted) => subject === wanted || (!wanted.includes(':') && subject.startsWith(`${wanted}:`)));
}
