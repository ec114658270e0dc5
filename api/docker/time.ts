import { StowageError } from '../../core/errors.ts';

const DURATION = /^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(h|ms|m|s)/g;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** A time as Docker's clients write them: seconds since 1970 (with a fraction), RFC 3339, or `10m`: so long ago. @throws `request-invalid` */
export function parseTime(text: string, nowMs: number): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (DURATION.test(text)) {
    const parts = [...text.matchAll(DURATION_PART)];
    return nowMs - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
  }
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) throw new StowageError('request-invalid', `invalid value "${text}": not a time`);
  return atMs;
}
