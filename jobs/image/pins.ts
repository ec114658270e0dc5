import type { JobId } from '../../core/ids.ts';
import { isJobOver } from '../../core/states.ts';
import type { StepContext } from '../define.ts';

/** The pins that count: those of pulls that are open. */
export async function openPins(
  context: Pick<StepContext<unknown, unknown>, 'jobs'>,
  pins: readonly JobId[],
): Promise<readonly JobId[]> {
  const jobs = await Promise.all(pins.map((pin) => context.jobs.read(pin)));
  return jobs.flatMap((job) => (job === undefined || isJobOver(job.state) ? [] : [job.id]));
}
