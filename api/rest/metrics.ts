import { z } from 'zod';
import { isErrorCode } from '../../core/errors.ts';
import type { JobStore, QueueFigures } from '../../core/ports/jobs.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { webhookFamilies } from './webhook-metrics.ts';

const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricRoutes(app: RestApp, parts: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/metrics',
    config: { access: parts.isMetricsOpen ? 'public' : 'viewer' },
    schema: {
      tags: ['process'],
      operationId: 'readMetrics',
      summary: 'Figures of the queue and of this process, for Prometheus',
      response: {
        200: { description: 'Prometheus text format', content: { 'text/plain': { schema: z.string() } } },
        ...problemResponses,
      },
    },
    handler: async (_request, reply) => {
      const figures = await figuresOf(parts.jobs);
      const webhooks = await webhookFamilies(parts.webhooks);
      const text = [...renderFigures(figures, webhooks), await parts.metricsText()].join('\n');
      return await reply.header('content-type', PROMETHEUS_TYPE).send(text.endsWith('\n') ? text : `${text}\n`);
    },
  });
}

/** Without Redis the process still has figures of its own, and says that Redis is away. */
async function figuresOf(jobs: JobStore): Promise<QueueFigures | undefined> {
  try {
    return await jobs.figures();
  } catch (error) {
    if (isErrorCode(error, 'redis-unavailable')) return undefined;
    throw error;
  }
}

export interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus's text format, a line each. */
function renderFigures(figures: QueueFigures | undefined, webhooks: readonly Family[]): string[] {
  const up: Family = {
    name: 'stowage_redis_up',
    type: 'gauge',
    help: 'Whether Redis answered this scrape',
    samples: [{ value: figures === undefined ? 0 : 1 }],
  };
  const families = figures === undefined ? [up] : [up, ...depths(figures), ...ended(figures), ...webhooks];
  return families.flatMap(({ name, type, help, samples }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map(({ suffix = '', labels = {}, value }) => `${name}${suffix}${renderLabels(labels)} ${value}`),
  ]);
}

function depths({ byState, lanes, oldestReadyAgeMs, oldestDeadAgeMs }: QueueFigures): Family[] {
  const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
    name,
    type: 'gauge',
    help,
    samples,
  });
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
    gauge('stowage_oldest_ready_age_seconds', 'How long the oldest job that could run has waited', [
      { value: oldestReadyAgeMs / 1_000 },
    ]),
    gauge('stowage_dead_letters', 'Jobs that failed for good and wait for a person', [{ value: byState.dead }]),
    gauge('stowage_oldest_dead_letter_age_seconds', 'How long the oldest dead letter has waited', [
      { value: oldestDeadAgeMs / 1_000 },
    ]),
  ];
}

function ended({ ended }: QueueFigures): Family[] {
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
      help: 'From submission to end',
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

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
