import type { ErrorKind } from '../../core/error-codes.ts';
import { type ErrorDetails, type ErrorFacts, StowageError } from '../../core/errors.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import type { SubmitOutcome } from '../../core/ports/jobs.ts';
import { isJobOver } from '../../core/states.ts';
import type { Call, DockerParts } from './parts.ts';

/** Faults of the request itself: whoever sent it has been told, and nobody else need look at the dead letter. */
const TOLD: ReadonlySet<ErrorKind> = new Set(['invalid', 'not-found', 'conflict', 'unsupported', 'forbidden']);
const REASON = 'told to the client of the Docker API';

type JobParts = Pick<DockerParts, 'submit' | 'jobs' | 'logger'>;

/** Submits on behalf of the call. */
export async function submitFor(call: Call, parts: JobParts, kind: string, payload: unknown): Promise<SubmitOutcome> {
  return await parts.submit(kind, payload, { ...call.caller, traceparent: call.traceparent });
}

/**
 * Submits and waits, as long as it takes, for the job's result. A client that goes away cancels nothing.
 *
 * @throws the job's own error; `not-ready` when the server stops before the job is over
 */
export async function runJob(call: Call, parts: JobParts, kind: string, payload: unknown): Promise<JsonObject> {
  const outcome = await submitFor(call, parts, kind, payload);
  return await resultOf(await parts.jobs.waitUntilOver(outcome.id, call.signal), outcome, call, parts);
}

/** @throws as `runJob` */
export async function resultOf(
  job: Job | undefined,
  outcome: SubmitOutcome,
  call: Call,
  parts: JobParts,
): Promise<JsonObject> {
  if (job === undefined)
    throw new StowageError('job-not-found', `job ${outcome.id} was accepted and is gone: Redis was emptied`);
  if (job.state === 'succeeded') return job.result ?? {};
  if (!isJobOver(job.state))
    throw new StowageError('not-ready', `this server is stopping; job ${job.id} (${job.kind}) goes on without it`);
  const error = errorOf(job);
  if (outcome.outcome === 'accepted' && job.state === 'dead' && TOLD.has(error.kind)) {
    await parts.jobs.discard(job.id, call.caller.actor, REASON).catch((thrown: unknown) => {
      parts.logger.warn({ err: thrown, job: job.id }, 'a dead letter was not discarded');
    });
  }
  throw error;
}

function errorOf(job: Job): StowageError {
  const { error } = job;
  if (error === undefined) return new StowageError('job-cancelled', `job ${job.id} (${job.kind}) was ${job.state}`);
  return new StowageError(error.code, error.message, detailsOf(error));
}

function detailsOf({ holder, fields, retryAfterMs, fault }: ErrorFacts): ErrorDetails {
  return {
    ...(holder === undefined ? {} : { holder }),
    ...(fields === undefined ? {} : { fields }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(fault === undefined ? {} : { fault }),
  };
}
