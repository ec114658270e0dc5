import type { OutputRecord } from '../../core/guest.ts';
import { StowageError } from '../../core/errors.ts';

const NEWLINE = 10;
const NS_PER_MS = 1_000_000n;
const NS_PER_S = 1_000_000_000n;
const FRACTION_DIGITS = 9;
const UNIX_TIME = /^(\d{1,12})(?:\.(\d{1,9})\d*)?$/;

/** A log's bound: seconds since 1970 with up to nine decimals, or RFC 3339; empty or 0: none. In nanoseconds. @throws `request-invalid` */
export function parseLogTime(text: string): bigint | undefined {
  if (text === '' || text === '0') return undefined;
  const unix = UNIX_TIME.exec(text);
  if (unix !== null) {
    const at = BigInt(unix[1] ?? 0) * NS_PER_S + BigInt((unix[2] ?? '').padEnd(FRACTION_DIGITS, '0'));
    return at === 0n ? undefined : at;
  }
  const atMs = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(atMs))
    throw new StowageError('request-invalid', `invalid value "${text}": not a time`);
  // Date has milliseconds only; the rest is taken from the text.
  const digits = /\.(\d{1,9})/.exec(text)?.[1] ?? '';
  const below = BigInt(digits.padEnd(FRACTION_DIGITS, '0')) % NS_PER_MS;
  return BigInt(atMs) * NS_PER_MS + below;
}

/** RFC 3339 in UTC with all nine decimals, as dockerd writes it. */
export function formatLogTime(atNs: bigint): string {
  const [date = ''] = new Date(Number(atNs / NS_PER_MS)).toISOString().split('.');
  return `${date}.${String(atNs % NS_PER_S).padStart(FRACTION_DIGITS, '0')}Z`;
}

/** Puts the time (and what `details` shows, which is nothing here) before each line; a record may hold several lines, or a part of one. */
export function lineMarker(show: {
  readonly timestamps: boolean;
  readonly details: boolean;
}): (record: OutputRecord) => Uint8Array {
  if (!show.timestamps && !show.details) return ({ bytes }) => bytes;
  const inLine: Record<OutputRecord['stream'], boolean> = { stdout: false, stderr: false };
  return ({ stream, timeNs, bytes }) => {
    const mark = Buffer.from(`${show.timestamps ? `${formatLogTime(timeNs)} ` : ''}${show.details ? ' ' : ''}`);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline === -1 ? bytes.length : newline + 1;
      if (!inLine[stream]) parts.push(mark);
      parts.push(bytes.subarray(at, end));
      inLine[stream] = newline === -1;
      at = end;
    }
    return Buffer.concat(parts);
  };
}
