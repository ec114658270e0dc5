import './timeline-view.css';
import type { Timeline } from '../api/recovery.ts';
import { formatClock, formatDuration } from '../ui/time.tsx';

const PARTS: readonly (readonly [keyof Timeline, string])[] = [
  ['detected', 'seen to be lost'],
  ['marked', 'taken in hand'],
  ['waited', 'vSphere HA had its time'],
  ['unregistered', 'unregistered'],
  ['rehomed', 'registered elsewhere'],
  ['poweredOn', 'switched on'],
  ['verified', 'looked at'],
];

interface TimelineViewProps {
  readonly timeline: Timeline;
  /** When the host was lost: what each part is counted from. */
  readonly from: string | null;
  readonly label: string;
}

export function TimelineView({ timeline, from, label }: TimelineViewProps) {
  const parts = PARTS.flatMap(([name, words]) => {
    const at = timeline[name];
    return at === undefined ? [] : [{ name, words, at }];
  });
  if (parts.length === 0) return <p class="muted">Nothing was done yet.</p>;
  const origin = Date.parse(from ?? parts[0]?.at ?? '');
  return (
    <ol class="timeline" aria-label={label}>
      {parts.map(({ name, words, at }) => (
        <li key={name}>
          <span class="mark" aria-hidden="true" />
          <span>{words}</span>
          <time class="muted" dateTime={at} title={formatClock(at)}>
            +{formatDuration(Math.max(0, Date.parse(at) - origin))}
          </time>
        </li>
      ))}
    </ol>
  );
}
