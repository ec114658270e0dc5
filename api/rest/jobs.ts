import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import {
  JOB_ID_FORM,
  type JobId,
  parseJobId,
  parseResourceKey,
  RESOURCE_KEY_FORM,
  RESOURCE_TYPES,
  type ResourceKey,
} from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { JobFilter } from '../../core/ports/jobs.ts';
import { explainMissing } from '../../jobs/submit.ts';
import { jobState, type JobView, jobView, viewJob } from './job-view.ts';
import { documentSubmission } from './openapi-kinds.ts';
import { moment, msOf, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { submissionHeaders, submitJob } from './submission.ts';
import { preferHeader, waitQuery, waitSeconds } from './wait.ts';

const tags = ['jobs'];

const jobId = z
  .string()
  .meta(JOB_ID_FORM)
  .transform((text, context): JobId => {
    const id = parseJobId(text);
    if (id !== undefined) return id;
    context.addIssue({ code: 'custom', message: 'is not the id of a job: 26 characters of Crockford base32' });
    return z.NEVER;
  });
export const jobParams = z.object({ id: jobId });

/** Given several times, or with commas between. */
const states = z.preprocess(
  (value) =>
    value === undefined
      ? undefined
      : [value].flat().flatMap((each) => (typeof each === 'string' ? each.split(',') : [each])),
  z.array(jobState).min(1).max(20).optional(),
);

const listQuery = z.strictObject({
  state: states.optional().describe('One of these; several are given with commas between, or one by one'),
  kind: z.string().min(1).max(100).optional(),
  resource: z
    .string()
    .max(600)
    .meta(RESOURCE_KEY_FORM)
    .transform((text, context): ResourceKey => {
      const key = parseResourceKey(text);
      if (key !== undefined) return key;
      context.addIssue({
        code: 'custom',
        message: `must be <type>:<name>, the type one of ${RESOURCE_TYPES.join(', ')}`,
      });
      return z.NEVER;
    })
    .optional()
    .describe('e.g. `volume:demo_vol`'),
  actor: z.string().min(1).max(200).optional(),
  since: moment.optional().describe('Submitted at this time or later'),
  until: moment.optional().describe('Submitted at this time or before'),
  text: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('In the id, kind, resources, actor, or the code or message of the error, in whatever case'),
  code: z.string().min(1).max(100).optional().describe('Of the error'),
  fingerprint: z
    .string()
    .regex(/^[0-9a-f]{16}$/, 'must be 16 hexadecimal digits')
    .optional()
    .describe('Of the error of a dead letter'),
  parent: jobId.optional().describe('The job that submitted it'),
  ...pageQuery,
});

export function jobRoutes(app: RestApp, parts: RouteParts): void {
  submitRoute(app, parts);
  readRoutes(app, parts);
}

function submitRoute(app: RestApp, parts: RouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/jobs',
    config: { access: 'operator', audit: 'refused', documentedBody: documentSubmission(parts.catalogue) },
    schema: {
      tags,
      operationId: 'submitJob',
      summary: 'Submit a job',
      querystring: z.strictObject(waitQuery),
      headers: submissionHeaders,
      // A payload that is missing is refused with its kind's own schema.
      body: z.strictObject({ kind: z.string({ error: explainMissing }), payload: z.unknown().optional() }),
      response: { 200: jobView, 202: jobView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const { kind, payload } = request.body;
      return await submitJob({ parts, request, reply, kind, payload, wait: request.query.wait });
    },
  });
}

function readRoutes(app: RestApp, parts: RouteParts): void {
  const { jobs, clock, waits } = parts;
  app.route({
    method: 'GET',
    url: '/v1/jobs',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listJobs',
      summary: 'List jobs, newest first',
      querystring: listQuery,
      response: { 200: pageOf(jobView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, ...wanted } = request.query;
      const filter = filterOf(wanted);
      const page = await jobs.list(filter, pageRequest({ limit, cursor }, filter));
      return renderPage(reply, page, filter, (job) => viewJob(job, clock.nowMs()));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/jobs/:id',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readJob',
      summary: 'Read a job, or wait until it is over',
      params: jobParams,
      querystring: z.strictObject(waitQuery),
      headers: z.looseObject(preferHeader),
      response: { 200: jobView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const seconds = waitSeconds(request.query.wait, request.headers.prefer, reply);
      const job = found(id, await waits.untilOver(id, seconds, reply));
      return await viewNow(parts, job);
    },
  });
}

/** With what it waits behind, or how far it is. */
export async function viewNow({ jobs, clock }: RouteParts, job: Job): Promise<JobView> {
  const standing = job.state === 'waiting' ? await jobs.standing(job.id) : [];
  const progress = job.state === 'running' ? (await jobs.progress([job.id])).get(job.id) : undefined;
  return viewJob(job, clock.nowMs(), { standing, progress });
}

export function found(id: JobId, job: Job | undefined): Job {
  if (job === undefined) throw new StowageError('job-not-found', `there is no job ${id}`);
  return job;
}

function filterOf(query: Omit<z.infer<typeof listQuery>, 'limit' | 'cursor'>): JobFilter {
  const { state, since, until, ...rest } = query;
  const times = {
    sinceMs: since === undefined ? undefined : msOf(since),
    untilMs: until === undefined ? undefined : msOf(until),
  };
  const wanted = { ...rest, ...times, state: state === undefined ? undefined : [...new Set(state)].toSorted() };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}
