import { encodeEntry } from './log-entry.ts';
import { findSegment } from './log-find.ts';
import { LogReader } from './log-reader.ts';
import { type LogPlace, segmentsOf } from './log-segments.ts';
import { findTail } from './log-tail.ts';
import type { OutputLog, Pin } from './output-log.ts';
import { OutputPicker, type OutputBounds, type OutputQuery } from './output-query.ts';

/** The run that is under way, where its guest is. */
export interface LiveOutput {
  readonly log: OutputLog;
  /** Nothing will be written any more. */
  readonly isOver: () => boolean;
}

interface OutputRequest {
  readonly place: LogPlace;
  readonly query: OutputQuery;
  /** Absent: what is in the files, and no more. */
  readonly live?: LiveOutput;
  readonly signal: AbortSignal;
}

/** Entries of a log, several in each piece. A piece counts as read when the next one is asked for. */
export async function* readOutput({ place, query, live, signal }: OutputRequest): AsyncGenerator<Buffer, void> {
  const from = fromOf(query, live);
  // Before anything is waited for: what is written from here on stays until it is read.
  const pin = query.hold && live !== undefined ? pinOf(live.log, from, segmentsOf(place)[0] ?? 0) : undefined;
  const wake = (): void => live?.log.wake();
  signal.addEventListener('abort', wake, { once: true });
  let reader: LogReader | undefined;
  try {
    const start = query.tail === undefined || from !== undefined ? undefined : await findTail(place, query.tail);
    const first = from === undefined ? start?.segment : await findSegment(place, from);
    const picker = new OutputPicker({ ...boundsOf(query, from), ...(start === undefined ? {} : { start }) });
    reader = new LogReader(place, first ?? segmentsOf(place)[0] ?? 0);
    while (!signal.aborted && !picker.isOver) {
      const changed = live?.log.changed();
      const isLast = live === undefined || live.isOver();
      const { isEnd, piece } = await pickSome(reader, picker);
      if (piece.length > 0) yield piece;
      if (pin !== undefined && live !== undefined && picker.boot === live.log.boot) {
        pin.offset = Math.max(pin.offset, picker.offset);
        pin.segment = reader.segment;
        live.log.onPins();
      }
      if (!isEnd) continue;
      if (isLast || !query.follow) return;
      await changed;
    }
  } finally {
    signal.removeEventListener('abort', wake);
    if (pin !== undefined) live?.log.unpin(pin);
    await reader?.close();
  }
}

interface Picked {
  readonly isEnd: boolean;
  readonly piece: Buffer;
}

async function pickSome(reader: LogReader, picker: OutputPicker): Promise<Picked> {
  const found = await reader.read();
  const parts: Buffer[] = [];
  for (const each of found) {
    if (picker.isOver) break;
    const picked = picker.pick(each);
    // What it reads into is used again: nothing of it may be handed on.
    if (picked !== undefined) parts.push(picked === each.entry ? each.raw : encodeEntry(picked));
  }
  return { isEnd: found.length === 0, piece: Buffer.concat(parts) };
}

function fromOf({ boot, offset }: OutputQuery, live: LiveOutput | undefined): OutputBounds['from'] {
  if (offset === 'now' && live !== undefined) return { boot: live.log.boot, offset: live.log.offset };
  return boot === undefined ? undefined : { boot, offset: offset === 'now' ? Number.MAX_SAFE_INTEGER : (offset ?? 0) };
}

function boundsOf(query: OutputQuery, from: OutputBounds['from']): OutputBounds {
  return {
    ...(query.since === undefined ? {} : { sinceNs: query.since }),
    ...(query.until === undefined ? {} : { untilNs: query.until }),
    ...(from === undefined ? {} : { from }),
    isOnlyThatBoot: query.only !== undefined,
  };
}

function pinOf(log: OutputLog, from: OutputBounds['from'], oldest: number): Pin {
  return log.pin(from?.boot === log.boot ? Math.min(from.offset, log.offset) : 0, oldest);
}
