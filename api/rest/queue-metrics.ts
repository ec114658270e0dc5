import type { QueueFigures } from '../../core/ports/jobs.ts';
import { type Family, gauge } from './metric-family.ts';

// The same from every api process, since they come of Redis: queries take the maximum over processes, not the sum.

export function queueFamilies(figures: QueueFigures): readonly Family[] {
  return [...depths(figures), ...standing(figures), ...ended(figures)];
}

function depths({ byState, lanes, records }: QueueFigures): readonly Family[] {
  const states = Object.entries(byState);
  return [
    gauge(
      'stowage_jobs',
      'Jobs by state',
      states.map(([state, value]) => ({ labels: { state }, value })),
    ),
    gauge(
      'stowage_lane_ready',
      'Jobs that could run now',
      lanes.map(({ lane, ready }) => ({ labels: { lane }, value: ready })),
    ),
    gauge(
      'stowage_lane_running',
      'Jobs that run',
      lanes.map(({ lane, running }) => ({ labels: { lane }, value: running })),
    ),
    gauge('stowage_dead_letters', 'Jobs that failed for good and wait for a person', [{ value: byState.dead }]),
    gauge(
      'stowage_records',
      'What Stowage knows of, by type',
      records.map(({ type, count }) => ({ labels: { type }, value: count })),
    ),
  ];
}

function standing(figures: QueueFigures): readonly Family[] {
  const { oldestReadyAgeMs, oldestWaitingAgeMs, oldestDeadAgeMs, stalledLines, recoveries, hasLeader } = figures;
  const seconds = (name: string, help: string, ms: number): Family => gauge(name, help, [{ value: ms / 1_000 }]);
  return [
    seconds(
      'stowage_oldest_ready_age_seconds',
      'How long the job that waits longest for a worker has waited although its turn has come',
      oldestReadyAgeMs,
    ),
    seconds(
      'stowage_oldest_waiting_age_seconds',
      'Age of the oldest job that waits: for its turn, for another attempt, for other jobs or for a worker',
      oldestWaitingAgeMs,
    ),
    seconds('stowage_oldest_dead_letter_age_seconds', 'How long the oldest dead letter has waited', oldestDeadAgeMs),
    gauge(
      'stowage_stalled_line_seconds',
      'Since when the head of a line has been at work while others wait behind it, where that is over a minute; at most 20 lines',
      stalledLines.map(({ resource, kind, heldMs }) => ({ labels: { resource, kind }, value: heldMs / 1_000 })),
    ),
    gauge(
      'stowage_stalled_line_jobs',
      'How many wait behind such a head',
      stalledLines.map(({ resource, kind, behind }) => ({ labels: { resource, kind }, value: behind })),
    ),
    gauge('stowage_recoveries', 'Hosts whose containers are being recovered', [{ value: recoveries.count }]),
    seconds('stowage_oldest_recovery_age_seconds', 'Age of the oldest recovery under way', recoveries.oldestAgeMs),
    gauge('stowage_leader', 'Whether a worker leads', [{ value: hasLeader ? 1 : 0 }]),
  ];
}

function ended({ ended }: QueueFigures): readonly Family[] {
  return [
    {
      name: 'stowage_jobs_ended_total',
      type: 'counter',
      help: 'Jobs that ended, by kind and outcome',
      samples: ended.map(({ kind, outcome, count }) => ({ labels: { kind, outcome }, value: count })),
    },
    {
      name: 'stowage_job_duration_seconds',
      type: 'histogram',
      help: 'From the first attempt to the end',
      samples: ended.flatMap(({ kind, outcome, count, durationMsSum, buckets }) => [
        ...buckets.map((bucket) => ({
          suffix: '_bucket',
          labels: { kind, outcome, le: String(bucket.leMs / 1_000) },
          value: bucket.count,
        })),
        { suffix: '_bucket', labels: { kind, outcome, le: '+Inf' }, value: count },
        { suffix: '_sum', labels: { kind, outcome }, value: durationMsSum / 1_000 },
        { suffix: '_count', labels: { kind, outcome }, value: count },
      ]),
    },
  ];
}
