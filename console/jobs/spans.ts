const MINUTE = 60_000;

const SPAN_MS: Readonly<Record<string, number>> = {
  '15m': 15 * MINUTE,
  '1h': 60 * MINUTE,
  '24h': 24 * 60 * MINUTE,
  '7d': 7 * 24 * 60 * MINUTE,
};

/** How far back a list looks, as it stands in its URL. */
export const SPANS: readonly (readonly [string, string])[] = [
  ['', 'Any time'],
  ['15m', 'In the last 15 minutes'],
  ['1h', 'In the last hour'],
  ['24h', 'In the last day'],
  ['7d', 'In the last week'],
];

/** What the api is asked for: `1h` as the time an hour ago; a time as it is. */
export function sinceOf(span: string | undefined, nowMs: number): string | undefined {
  if (span === undefined) return undefined;
  const ms = SPAN_MS[span];
  return ms === undefined ? span : new Date(nowMs - ms).toISOString();
}
