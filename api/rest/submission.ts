import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import { isJobOver } from '../../core/states.ts';
import { callerOf } from './auth.ts';
import { type JobView, viewJob } from './job-view.ts';
import type { RouteParts } from './parts.ts';
import { refuseWhatStowageSets } from './set-by-stowage.ts';
import { preferHeader, waitSeconds } from './wait.ts';

const RETRY_AFTER_SECONDS = 1;

export const submissionHeaders = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .regex(/^[ -~]+$/, 'may have printable ASCII characters only')
    .optional()
    .describe('The same key with the same request returns the same job for 24 hours'),
  ...preferHeader,
});

interface SubmissionRequest {
  readonly parts: RouteParts;
  readonly request: FastifyRequest & {
    readonly headers: { readonly prefer?: string | undefined; readonly 'idempotency-key'?: string | undefined };
  };
  readonly reply: FastifyReply;
  readonly kind: string;
  readonly payload: unknown;
  readonly wait: number | undefined;
  /** The dead letter in whose place it comes. */
  readonly redriveOf?: JobId;
}

/**
 * Submits, waits as asked, and renders: 200 when the job is over, else 202. Either way `Location` is the job and
 * `Stowage-Outcome` says whether it is a new one.
 */
export async function submitJob(submission: SubmissionRequest): Promise<JobView> {
  const { parts, request, reply, kind, payload, wait, redriveOf } = submission;
  const idempotencyKey = request.headers['idempotency-key'];
  const traceparent = request.requestTrace?.traceparent;
  const before = redriveOf === undefined ? undefined : (await parts.jobs.read(redriveOf))?.payload;
  refuseWhatStowageSets(parts.catalogue.find(kind), payload, before);
  const { id, outcome } = await parts.submit(kind, payload, {
    ...callerOf(request),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(redriveOf === undefined ? {} : { redriveOf }),
  });
  const job = await parts.waits.untilOver(id, waitSeconds(wait, request.headers.prefer, reply), reply);
  if (job === undefined)
    throw new StowageError('job-not-found', `job ${id} was accepted and is gone: Redis was emptied`);
  reply.header('location', `/v1/jobs/${id}`).header('stowage-outcome', outcome);
  if (isJobOver(job.state)) {
    reply.code(200);
    return viewJob(job, parts.clock.nowMs());
  }
  reply.code(202).header('retry-after', String(RETRY_AFTER_SECONDS));
  return viewJob(job, parts.clock.nowMs(), { standing: await parts.jobs.standing(id) });
}
