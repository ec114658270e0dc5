// Values as people read them.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Powers of 1,000, as the API writes them. */
export function sizeWords(bytes: number): string {
  let value = bytes;
  let at = 0;
  while (value >= 1_000 && at < SIZE_UNITS.length - 1) {
    value /= 1_000;
    at += 1;
  }
  const digits = value >= 100 || at === 0 ? 0 : value >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${SIZE_UNITS[at] ?? 'B'}`;
}

/** `840 ms`, `12.4 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function durationWords(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.round(ms / 1_000)} s`;
  const pairs = [
    [DAY_MS, 'd', HOUR_MS, 'h'],
    [HOUR_MS, 'h', MINUTE_MS, 'min'],
    [MINUTE_MS, 'min', 1_000, 's'],
  ] as const;
  const [large, largeName, small, smallName] = pairs.find(([unit]) => ms >= unit) ?? pairs[2];
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** One unit, for a column: `5s`, `3m`, `2h`, `9d`. */
export function ageWords(fromMs: number, nowMs: number): string {
  const ms = Math.max(0, nowMs - fromMs);
  if (ms < MINUTE_MS) return `${Math.floor(ms / 1_000)}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)}h`;
  return `${Math.floor(ms / DAY_MS)}d`;
}

export function countWords(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** What comes from the API goes to a terminal without anything that would steer the terminal. */
export function harmless(text: string): string {
  return text.replaceAll(/(?![\t\n])\p{Cc}/gu, '\u{fffd}');
}

/** The same on one line. */
export function oneLine(text: string): string {
  return harmless(text.replaceAll(/\s*[\n\t]\s*/g, ' '));
}
