import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { Run } from './command.ts';
import { usageFailure } from './failure.ts';

/** JSON from the command line: as it is, `@file`, or `-` for standard input; an empty object when nothing was given. */
export async function payloadOf({ io }: Run, given: string | undefined): Promise<unknown> {
  if (given === undefined) return {};
  const source = given === '-' ? await text(io.stdin) : given.startsWith('@') ? readFile(given.slice(1)) : given;
  return parseJson(source, given === '-' ? 'standard input' : given.startsWith('@') ? given.slice(1) : 'the payload');
}

export function parseJson(source: string, what: string): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch (error) {
    throw usageFailure(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const SPAN = /^(\d{1,9})\s*(s|m|h|d|w)$/;
const SPAN_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };

/** A time as the API takes it: RFC 3339, a date, or how long ago (`90s`, `30m`, `2h`, `7d`). */
export function timeOf(given: string | undefined, flag: string, nowMs: number): string | undefined {
  if (given === undefined) return undefined;
  const [, count, unit] = SPAN.exec(given.trim()) ?? [];
  const ms = unit === undefined ? Date.parse(given) : nowMs - Number(count) * (SPAN_MS[unit] ?? 0);
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw usageFailure(
    `${flag} wants a time, not ${given}`,
    'Like 2026-11-24T08:00:00Z, 2026-11-24, or how long ago: 90s, 30m, 2h, 7d.',
  );
}
