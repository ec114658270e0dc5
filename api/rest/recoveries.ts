import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { parseJobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import { jobState } from './job-view.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

// Recoveries are jobs of the kind host.recover, told as stories: what happened to which container, and when.

const tags = ['recoveries'];
const time = z.iso.datetime();

export const recoveryView = z
  .object({
    id: z.string().describe('The job'),
    host: z.string(),
    state: jobState,
    detectedAt: time.nullable().describe('When the host was seen to be lost'),
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    recovered: z.int().nullable().describe('Known when it is over'),
    lost: z.int().nullable(),
    unchanged: z.int().nullable(),
  })
  .meta({ id: 'Recovery' });

const timeline = z.object({
  detected: time.optional(),
  marked: time.optional(),
  waited: time.optional().describe('vSphere HA had its time, or was done'),
  unregistered: time.optional(),
  rehomed: time.optional().describe('Registered on another host'),
  poweredOn: time.optional(),
  verified: time.optional(),
});

const storyView = recoveryView
  .extend({
    containers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        job: z.string(),
        outcome: z.string().describe('`waiting` while it is not over'),
        host: z.string().optional().describe('Where it runs now'),
        reason: z.string().optional().describe('The code of the error that it met last'),
        message: z.string().optional(),
        timeline,
      }),
    ),
  })
  .meta({ id: 'RecoveryStory' });

export function recoveryRoutes(app: RestApp, { jobs }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/recoveries',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listRecoveries',
      summary: 'List recoveries of hosts, the newest first',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(recoveryView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { kind: 'host.recover' };
      return renderPage(reply, await jobs.list(filter, pageRequest(request.query, filter)), filter, viewRecovery);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/recoveries/:id',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readRecovery',
      summary: 'Read a recovery, with what happened to each container and when',
      params: z.object({ id: z.string().min(1).max(100) }),
      querystring: z.strictObject({}),
      response: { 200: storyView, ...problemResponses },
    },
    handler: async (request) => {
      const id = parseJobId(request.params.id);
      const job = id === undefined ? undefined : await jobs.read(id);
      if (job?.kind !== 'host.recover')
        throw new StowageError('job-not-found', `there is no recovery ${request.params.id}`);
      const children = childrenOf(job);
      const containers = await Promise.all(
        children.map(async (child) => viewContainer(child, await jobs.read(child.job))),
      );
      return { ...viewRecovery(job), containers };
    },
  });
}

export function viewRecovery({ id, payload, state, notes, result, ...job }: Job): z.infer<typeof recoveryView> {
  const count = (name: string): number | null =>
    z
      .int()
      .nullable()
      .catch(null)
      .parse(result?.[name] ?? null);
  return {
    id,
    host: z.string().catch('').parse(payload['host']),
    state,
    detectedAt: time
      .nullable()
      .catch(null)
      .parse(notes['since'] ?? null),
    startedAt: job.startedAt ?? null,
    finishedAt: job.finishedAt ?? null,
    recovered: count('recovered'),
    lost: count('lost'),
    unchanged: count('unchanged'),
  };
}

const childSchema = z.object({
  container: z.string(),
  called: z.string(),
  job: z.string().transform((text, context) => {
    const id = parseJobId(text);
    if (id !== undefined) return id;
    context.addIssue({ code: 'custom', message: 'is no id of a job' });
    return z.NEVER;
  }),
});

/** The last of each container, in the order in which they were begun. */
function childrenOf({ notes }: Job): readonly z.infer<typeof childSchema>[] {
  const all = z.array(childSchema).catch([]).parse(notes['children']);
  return [...new Map(all.map((child) => [child.container, child])).values()];
}

function viewContainer(
  { container: id, called: name, job }: z.infer<typeof childSchema>,
  child: Job | undefined,
): z.infer<typeof storyView>['containers'][number] {
  const result: JsonObject = child?.result ?? {};
  const host = z.string().optional().catch(undefined).parse(result['host']);
  const outcome = z.string().catch(outcomeOf(child)).parse(result['outcome']);
  const error = child?.error === undefined ? {} : { reason: child.error.code, message: child.error.message };
  return {
    id,
    name,
    job,
    outcome,
    ...(host === undefined ? {} : { host }),
    ...error,
    timeline: timeline.catch({}).parse(child?.notes['timeline'] ?? {}),
  };
}

function outcomeOf(job: Job | undefined): string {
  if (job === undefined) return 'gone';
  return job.state === 'waiting' || job.state === 'running' ? 'waiting' : 'lost';
}
