import { isErrorCode, StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import { isJobOver } from '../core/states.ts';
import type { StepContext } from './define.ts';

type AnyContext = StepContext<unknown, unknown>;

/**
 * The children as they are. undefined: some are under way, and the step is to answer `awaits`.
 * @throws the error of the first that failed, as this job's own
 */
export async function endedChildren(context: AnyContext, ids: readonly JobId[]): Promise<readonly Job[] | undefined> {
  const jobs = await Promise.all(ids.map((id) => context.jobs.read(id)));
  const failed = jobs.find((job) => job !== undefined && isJobOver(job.state) && job.state !== 'succeeded');
  if (failed !== undefined) throw errorOf(failed);
  if (jobs.some((job) => job !== undefined && !isJobOver(job.state))) return undefined;
  if (jobs.some((job) => job === undefined))
    throw new StowageError('job-not-found', 'a job that this one waited for was forgotten: Redis was emptied');
  return jobs.filter((job) => job !== undefined);
}

function errorOf(job: Job): StowageError {
  if (job.error === undefined) return new StowageError('internal-error', `job ${job.id} (${job.kind}) is ${job.state}`);
  const { kind: _, code, message, ...details } = job.error;
  // Its cancellation was somebody's wish, but not for this job.
  if (code === 'job-cancelled') return new StowageError('job-cancelled', `job ${job.id} (${job.kind}) was ${message}`);
  return new StowageError(code, message, details);
}

/**
 * For a job that gives up: cancels its children that are under way, and discards those that are dead letters, because a person who mends
 * what they tell redrives this job, which submits them anew.
 */
export async function abandonChildren(context: AnyContext, ids: readonly JobId[]): Promise<void> {
  const actor = `job:${context.jobId}`;
  await Promise.all(
    ids.map(async (id) => {
      await context.jobs.cancel(id, actor).catch(ignoreSettled);
      await context.jobs.discard(id, actor, `told by its parent ${context.jobId}`).catch(ignoreSettled);
    }),
  );
}

/** It is over already, is no dead letter, or was forgotten. */
function ignoreSettled(thrown: unknown): void {
  if (!isErrorCode(thrown, 'job-not-cancellable', 'job-not-dead', 'job-not-found')) throw thrown;
}
