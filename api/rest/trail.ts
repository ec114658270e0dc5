import { z } from 'zod';
import type { StowageEvent } from '../../core/events.ts';
import type { AttemptRecord, Job, StepRecord } from '../../core/job.ts';
import type { TrailEntry } from '../../core/ports/trail.ts';
import { found, jobParams } from './jobs.ts';
import { pageOf, pageQuery, pageRequest, renderPage, wholeNumber } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

// All that is known of one job in the order of time: what the job keeps itself, its events, and what its workers saw.

const MAX_ITEMS = 1_000;
const POSITION = /^\d{1,6}$/;
/** Of a job with more of them only the last ones are looked for in the stream of events. */
const MAX_MOMENTS = 40;

const trailView = z
  .object({
    at: z.iso.datetime(),
    type: z.enum(['event', 'attempt', 'step', 'task', 'call', 'log']),
    name: z.string().describe('Type of the event, name of the step, method of the Task or call, text of the line'),
    durationMs: z.number().optional().describe('Until now while it is under way'),
    attempt: z.int().optional(),
    step: z.string().optional().describe('That was under way'),
    level: z.string().optional().describe('Of a line'),
    data: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'TrailItem' });
type TrailView = z.infer<typeof trailView>;

export function trailRoutes(app: RestApp, { jobs, events, trails, clock }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/jobs/:id/trail',
    config: { access: 'viewer' },
    schema: {
      tags: ['jobs'],
      operationId: 'readTrail',
      summary: 'All that is known of one job, oldest first: events, attempts, steps, Tasks, calls and log lines',
      params: jobParams,
      querystring: z.strictObject({
        ...pageQuery,
        limit: wholeNumber(1, MAX_ITEMS).default(MAX_ITEMS).describe('The most items to return'),
      }),
      response: { 200: pageOf(trailView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const filter = { of: 'trail', id };
      const { cursor = '0', limit } = pageRequest(request.query, filter, POSITION);
      const job = found(id, await jobs.read(id));
      const [told, seen] = await Promise.all([events.about(`job:${id}`, momentsOf(job)), trails.read(id)]);
      const all = [...told.map(viewEvent), ...viewJobItself(job, clock.nowMs()), ...seen.map(viewSeen)];
      // What happened at one time stays in this order.
      all.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
      const from = Number(cursor);
      const items = all.slice(from, from + limit);
      const page = from + limit < all.length ? { items, next: String(from + limit) } : { items };
      return renderPage(reply, page, filter, (item) => item);
    },
  });
}

/** When something happened to it. A dead letter that was given up does not say when that was: it is looked for among the latest events. */
function momentsOf(job: Job): { readonly timesMs: readonly number[]; readonly andLatest: boolean } {
  const times = [
    job.createdAt,
    ...job.attempts.flatMap(({ startedAt, finishedAt }) =>
      finishedAt === undefined ? [startedAt] : [startedAt, finishedAt],
    ),
    ...(job.finishedAt === undefined ? [] : [job.finishedAt]),
  ];
  const timesMs = [...new Set(times.map((time) => Date.parse(time)))].toSorted((a, b) => a - b);
  return { timesMs: timesMs.slice(-MAX_MOMENTS), andLatest: job.state === 'failed' };
}

function viewEvent({ time, type, data }: StowageEvent): TrailView {
  return { at: time, type: 'event', name: type, data };
}

function viewSeen({ data, ...entry }: TrailEntry): TrailView {
  return { ...entry, ...(data === undefined ? {} : { data }) };
}

function viewJobItself(job: Job, nowMs: number): readonly TrailView[] {
  return [
    ...job.attempts.map((attempt) => viewAttempt(attempt, nowMs)),
    ...job.steps.flatMap((step) => viewStep(step, nowMs)),
  ];
}

function viewAttempt(attempt: AttemptRecord, nowMs: number): TrailView {
  const { number, worker, outcome, step, error, retryAt } = attempt;
  return {
    at: attempt.startedAt,
    type: 'attempt',
    name: `attempt ${number}`,
    ...durationOf(attempt, nowMs),
    attempt: number,
    ...(step === undefined ? {} : { step }),
    data: {
      worker,
      outcome,
      ...(error === undefined ? {} : { code: error.code, message: error.message }),
      ...(retryAt === undefined ? {} : { retryAt }),
    },
  };
}

/** With its Tasks. A step that no attempt has begun has no time. */
function viewStep(step: StepRecord, nowMs: number): readonly TrailView[] {
  const { name, state, begun, startedAt, progress } = step;
  if (startedAt === undefined) return [];
  const data = { state, begun, ...(progress === undefined ? {} : { progress }) };
  const tasks = step.tasks.map((task): TrailView => {
    const { method, ref, outcome, undoes } = task;
    return {
      at: task.startedAt,
      type: 'task',
      name: method,
      ...durationOf(task, nowMs),
      step: name,
      data: { ref, ...(outcome === undefined ? {} : { outcome }), ...(undoes === undefined ? {} : { undoes }) },
    };
  });
  return [{ at: startedAt, type: 'step', name, ...durationOf(step, nowMs), step: name, data }, ...tasks];
}

function durationOf(
  { startedAt, finishedAt }: { readonly startedAt?: string; readonly finishedAt?: string },
  nowMs: number,
): { readonly durationMs?: number } {
  if (startedAt === undefined) return {};
  const endMs = finishedAt === undefined ? nowMs : Date.parse(finishedAt);
  return { durationMs: Math.max(0, endMs - Date.parse(startedAt)) };
}
