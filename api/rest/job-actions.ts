import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { JobId } from '../../core/ids.ts';
import { isJobOver } from '../../core/states.ts';
import { callerOf } from './auth.ts';
import { type JobView, jobView } from './job-view.ts';
import { found, jobParams, viewNow } from './jobs.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { submissionHeaders, submitJob } from './submission.ts';

const tags = ['jobs'];
const querystring = z.strictObject({});
const emptyBody = z.strictObject({}).nullish();
const redriveBody = z
  .strictObject({
    payload: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('Of a new job in its place, checked as a submission of its kind'),
  })
  .nullish();
const response = { 200: jobView, 202: jobView, ...problemResponses };

/** What people do to jobs that are there. */
export function jobActionRoutes(app: RestApp, parts: RouteParts): void {
  cancelRoutes(app, parts);
  deadLetterRoutes(app, parts);
}

/** 200 when the job is over, 202 when it goes on. */
async function answer(parts: RouteParts, id: JobId, reply: FastifyReply): Promise<JobView> {
  const job = found(id, await parts.jobs.read(id));
  reply.code(isJobOver(job.state) ? 200 : 202).header('location', `/v1/jobs/${id}`);
  return await viewNow(parts, job);
}

function cancelRoutes(app: RestApp, parts: RouteParts): void {
  for (const [method, url, operationId] of [
    ['POST', '/v1/jobs/:id/cancel', 'cancelJob'],
    ['DELETE', '/v1/jobs/:id', 'deleteJob'],
  ] as const) {
    app.route({
      method,
      url,
      config: { access: 'operator', documentedBody: null },
      schema: {
        tags,
        operationId,
        summary: 'Cancel a job: 200 when that is done, 202 while a worker undoes what was begun',
        params: jobParams,
        querystring,
        ...(method === 'POST' ? { body: emptyBody } : {}),
        response,
      },
      handler: async (request, reply) => {
        await parts.jobs.cancel(request.params.id, callerOf(request).actor);
        return await answer(parts, request.params.id, reply);
      },
    });
  }
}

function deadLetterRoutes(app: RestApp, parts: RouteParts): void {
  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/redrive',
    config: { access: 'operator' },
    schema: {
      tags,
      operationId: 'redriveJob',
      summary: 'Put a dead letter back into its lines, or, with a payload, a new job in its place',
      params: jobParams,
      querystring,
      headers: submissionHeaders,
      body: redriveBody,
      response,
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const payload = request.body?.payload;
      if (payload !== undefined) {
        const { kind } = found(id, await parts.jobs.read(id));
        return await submitJob({ parts, request, reply, kind, payload, wait: undefined, redriveOf: id });
      }
      await parts.jobs.redrive(id, callerOf(request).actor);
      return await answer(parts, id, reply);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/jobs/:id/discard',
    config: { access: 'operator' },
    schema: {
      tags,
      operationId: 'discardJob',
      summary: 'Give a dead letter up',
      params: jobParams,
      querystring,
      body: z.strictObject({ reason: z.string().trim().min(1).max(1_000).meta({ pattern: '\\S' }) }),
      response,
    },
    handler: async (request, reply) => {
      await parts.jobs.discard(request.params.id, callerOf(request).actor, request.body.reason);
      return await answer(parts, request.params.id, reply);
    },
  });
}
