import { computed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { nowMs } from './clock.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `840 ms`, `12.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(2)} s`;
  if (ms < MINUTE) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's');
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min');
  return pair(ms, DAY, 'd', HOUR, 'h');
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** `4 s`, `3 min`, `2 h`, `5 d`: for what moves while one looks. */
export function formatAge(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const clockTime = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

export function formatExact(at: string): string {
  return exact.format(new Date(at));
}

/** The time of day to the millisecond, for lists of what happened within one job. */
export function formatClock(at: string): string {
  return clockTime.format(new Date(at));
}

function relative(at: string, now: number): string {
  const ms = now - Date.parse(at);
  // Clocks differ by some: what "will be in a second" was just now.
  if (Math.abs(ms) < 2 * SECOND) return 'now';
  return ms > 0 ? `${formatAge(ms)} ago` : `in ${formatAge(-ms)}`;
}

/** A time as it stands to now, with the exact one for who points at it. */
export function Time({ at }: { readonly at: string }) {
  const words = useMemo(() => computed(() => relative(at, nowMs.value)), [at]);
  return (
    <time class="nowrap" dateTime={at} title={formatExact(at)}>
      {words}
    </time>
  );
}

/** How long something took, or has been going on. */
export function Elapsed({ from, to }: { readonly from: string; readonly to?: string | null | undefined }) {
  const start = Date.parse(from);
  if (to !== undefined && to !== null) return <span class="nowrap">{formatDuration(Date.parse(to) - start)}</span>;
  return <Running start={start} />;
}

function Running({ start }: { readonly start: number }) {
  const words = useMemo(() => computed(() => formatAge(Math.max(0, nowMs.value - start))), [start]);
  return <span class="nowrap">{words}</span>;
}
