import { open, readFile } from 'node:fs/promises';
import { bootOf, ENTRY_KINDS, entryAt } from './log-entry.ts';
import { type LogPlace, segmentFile, segmentsOf } from './log-segments.ts';

/** A segment says at its head whose output it begins with: that entry is within this. */
const HEAD_BYTES = 512;

/** The segment in which a byte of a boot's output is, or before which it is not. undefined: there is no log. */
export async function findSegment(
  place: LogPlace,
  from: { readonly boot: string; readonly offset: number },
): Promise<number | undefined> {
  let hasSeen = false;
  let oldest: number | undefined;
  for (const segment of segmentsOf(place).toReversed()) {
    const head = await headOf(segmentFile(place, segment));
    if (head === undefined) continue;
    oldest = segment;
    const isOfIt = head.boot === from.boot;
    if (isOfIt && head.offset <= from.offset) return segment;
    if (!isOfIt && (hasSeen || (await mentions(segmentFile(place, segment), from.boot)))) return segment;
    hasSeen ||= isOfIt;
  }
  return oldest;
}

async function headOf(path: string): Promise<{ readonly boot: string; readonly offset: number } | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const entry = entryAt(buffer.subarray(0, bytesRead), 0);
    if (entry === 'short' || entry === 'bad' || entry.kind !== ENTRY_KINDS.boot) return undefined;
    return { boot: bootOf(entry), offset: entry.offset };
  } finally {
    await file.close();
  }
}

/** Perhaps only in what a process wrote: then it is read in vain. */
async function mentions(path: string, boot: string): Promise<boolean> {
  return (await readFile(path)).includes(JSON.stringify({ boot }));
}
