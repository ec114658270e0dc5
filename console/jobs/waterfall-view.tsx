import './waterfall-view.css';
import { useState } from 'preact/hooks';
import type { Job, TrailItem } from '../api/job.ts';
import { StateBadge } from '../ui/badge.tsx';
import { nowMs } from '../ui/clock.ts';
import { formatDuration } from '../ui/time.tsx';
import { type Bar, type Waterfall, waterfallOf } from './waterfall.ts';

const TICKS = [0, 0.25, 0.5, 0.75];
/** More calls than this hide the rest, and are shown when they are asked for. */
const MANY_CALLS = 60;

/** Where the time of a job went. */
export function WaterfallView({ job, trail }: { readonly job: Job; readonly trail: readonly TrailItem[] }) {
  // Only what goes on has to move with the clock.
  const now = job.finishedAt === null ? nowMs.value : Date.parse(job.finishedAt);
  const waterfall = waterfallOf(job, trail, now);
  const calls = waterfall.bars.filter(({ type }) => type === 'call').length;
  const [areCallsWanted, setCallsWanted] = useState<boolean>();
  const areCallsShown = areCallsWanted ?? calls <= MANY_CALLS;
  const bars = areCallsShown ? waterfall.bars : waterfall.bars.filter(({ type }) => type !== 'call');
  const spanMs = waterfall.endMs - waterfall.startMs;
  return (
    <>
      {calls > MANY_CALLS && (
        <label class="row waterfall-calls">
          <input type="checkbox" checked={areCallsShown} onChange={() => setCallsWanted(!areCallsShown)} />
          Show {calls} calls
        </label>
      )}
      <table class="waterfall" role="table" aria-label="Attempts, steps, Tasks and calls in time">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">
              What
            </th>
            <th role="columnheader" scope="col">
              State
            </th>
            <th role="columnheader" scope="col" class="took">
              Took
            </th>
            <th role="columnheader" scope="col">
              <span class="hidden-visually">In time</span>
              <span class="ticks" aria-hidden="true">
                {TICKS.map((part) => (
                  <span key={part}>{formatDuration(spanMs * part)}</span>
                ))}
                <span>{formatDuration(spanMs)}</span>
              </span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {bars.map((bar) => (
            <Row key={bar.id} bar={bar} waterfall={waterfall} now={now} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ bar, waterfall, now }: { readonly bar: Bar; readonly waterfall: Waterfall; readonly now: number }) {
  const spanMs = waterfall.endMs - waterfall.startMs;
  const endMs = bar.endMs ?? Math.max(bar.startMs, now);
  const percent = (ms: number): string => `${Math.min(100, Math.max(0, (100 * ms) / spanMs))}%`;
  return (
    <tr role="row" class={`${bar.type} ${bar.tone} depth-${bar.depth}`}>
      <th role="rowheader" scope="row">
        {bar.label}
      </th>
      <td role="cell" class="how">
        {bar.type !== 'call' && bar.type !== 'line' && (
          <StateBadge
            state={bar.state}
            tone={bar.tone}
            words={bar.progress === undefined ? bar.state : `${bar.state}, ${Math.round(bar.progress)} %`}
          />
        )}
        {bar.type === 'call' && bar.tone === 'warn' && <span class="outcome">{bar.state}</span>}
      </td>
      <td role="cell" class="took">
        {formatDuration(endMs - bar.startMs)}
      </td>
      <td role="cell" class="bar-cell">
        <div class="track">
          <span style={{ left: percent(bar.startMs - waterfall.startMs), width: percent(endMs - bar.startMs) }} />
        </div>
        <span class="hidden-visually">after {formatDuration(bar.startMs - waterfall.startMs)}</span>
      </td>
    </tr>
  );
}
