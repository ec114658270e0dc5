import { setTimeout as pause } from 'node:timers/promises';
import type { Client, Query } from './client.ts';
import { Failure } from './failure.ts';

// Server-sent events (HTML Standard, 9.2), read for ever: a stream that ends, or breaks, is opened again after the last event seen.

const FIRST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 15_000;

export interface ServerEvent {
  readonly id: string;
  readonly data: string;
}

/** Frames of a stream. An id without data moves the place on, and is no event. */
export async function* readFrames(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<ServerEvent, void> {
  const decoder = new TextDecoder();
  let rest = '';
  let frame: { id: string; data: string[] } = { id: '', data: [] };
  for await (const chunk of chunks) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (frame.id !== '' || frame.data.length > 0) yield { id: frame.id, data: frame.data.join('\n') };
        frame = { id: '', data: [] };
        continue;
      }
      const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'id') frame.id = value;
      if (field === 'data') frame.data.push(value);
    }
  }
}

/** Events until the signal fires. What the API refuses is thrown; that it is away is waited out, once it was there. */
export async function* followEvents(
  client: Client,
  options: {
    readonly query: Query;
    readonly signal: AbortSignal;
    readonly onBreak: (reason: string) => void;
  },
): AsyncGenerator<ServerEvent, void> {
  let lastId: string | undefined;
  let wasOpen = false;
  for (let retryMs = FIRST_RETRY_MS; !options.signal.aborted; retryMs = Math.min(2 * retryMs, MOST_RETRY_MS)) {
    try {
      const stream = await client.open({
        path: 'v1/events',
        query: lastId === undefined ? options.query : { ...options.query, after: undefined },
        headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
        signal: options.signal,
      });
      wasOpen = true;
      retryMs = FIRST_RETRY_MS / 2;
      for await (const event of readFrames(stream)) {
        lastId = event.id === '' ? lastId : event.id;
        if (event.data !== '') yield event;
      }
      options.onBreak('the stream ended');
    } catch (error) {
      if (options.signal.aborted) return;
      const isAway = !(error instanceof Failure) || error.exit === 'unreachable';
      if (!isAway || !wasOpen) throw error;
      options.onBreak(error instanceof Error ? error.message : String(error));
    }
    await pause(retryMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}
