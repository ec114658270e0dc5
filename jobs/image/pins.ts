import { type JobId, parseJobId } from '../../core/ids.ts';
import { isJobOver } from '../../core/states.ts';
import type { StepContext } from '../define.ts';

type JobReader = Pick<StepContext<unknown, unknown>, 'jobs'>;

/**
 * What a pin stands for, as long as it is open: the pull, or the child that makes its image, which may be at it still when the pull has
 * been cancelled. undefined: the pin does not count.
 */
export async function openPin({ jobs }: JobReader, pull: JobId, ignoring?: JobId): Promise<JobId | undefined> {
  const job = await jobs.read(pull);
  if (job === undefined) return undefined;
  if (pull !== ignoring && !isJobOver(job.state)) return pull;
  const noted = job.notes['adding'];
  const adding = typeof noted === 'string' ? parseJobId(noted) : undefined;
  if (adding === undefined || adding === ignoring) return undefined;
  const child = await jobs.read(adding);
  return child !== undefined && !isJobOver(child.state) ? adding : undefined;
}

/** The pins that count. */
export async function openPins(context: JobReader, pins: readonly JobId[]): Promise<readonly JobId[]> {
  const open = await Promise.all(pins.map((pin) => openPin(context, pin)));
  return pins.filter((_, at) => open[at] !== undefined);
}
