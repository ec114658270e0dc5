import type { NewEvent } from '../../core/events.ts';
import type { ExecRecord } from '../../core/exec.ts';
import type { JsonObject } from '../../core/job.ts';
import type { DockerParts } from './parts.ts';

type ExecEvent = Extract<NewEvent['type'], `container.exec-${string}`>;

/** Of a command in an event. */
const LONGEST = 4_096;

/** For those who watch events; who runs the command does not fail over it. */
export async function tellOfExec(
  { records, logger }: Pick<DockerParts, 'records' | 'logger'>,
  { id, container, argv }: ExecRecord,
  { type, data = {} }: { readonly type: ExecEvent; readonly data?: JsonObject },
): Promise<void> {
  try {
    const record = (await records.read('container', container))?.record;
    if (record === undefined) return;
    const { called, spec } = record;
    const about = {
      name: called,
      image: spec.imageName,
      labels: spec.labels,
      exec: id,
      command: argv.join(' ').slice(0, LONGEST),
    };
    await records.observe([], [{ type, subject: `container:${container}`, data: { ...about, ...data } }]);
  } catch (error) {
    logger.warn({ err: error, exec: id }, 'an event of an exec was not told');
  }
}
