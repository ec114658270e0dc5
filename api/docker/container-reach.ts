import type { ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import { isJobOver } from '../../core/states.ts';
import { findInside, type Inside } from './container-guest.ts';
import { dockerState } from './container-state.ts';
import type { Call, DockerParts } from './parts.ts';
import { resultOf, submitFor } from './run-job.ts';

// Files of a container that does not run are reached by switching its machine on for them: the job `container.visit`.

/** Of one look at the guest; between two, the job is looked at. */
const LOOK_MS = 2_000;

/** A container whose files can be reached now, whether it runs or not. @throws as `findInside` and the job; `container-busy` */
export async function findReachable(call: Call, parts: DockerParts, what: string): Promise<Inside> {
  const inside = await findInside(call, parts, what);
  switch (dockerState(inside.record)) {
    case 'running':
      return inside;
    case 'created':
    case 'exited':
    case 'dead':
      await visit(call, parts, inside);
      return inside;
    case 'paused':
      throw busy(inside.record, 'is paused, unpause the container first');
    case 'restarting':
      throw busy(inside.record, 'is restarting, wait until the container is running');
    case 'removing':
      throw busy(inside.record, 'is being removed');
  }
}

function busy({ name }: ContainerRecord, text: string): StowageError {
  return new StowageError('container-busy', `container ${name} ${text}`);
}

/**
 * Volumes are attached only while a container runs: what lies below their mount points is not what people mean.
 *
 * @throws `container-busy`
 */
export function refuseVolumes(record: ContainerRecord, path: string): void {
  if (dockerState(record) === 'running') return;
  const plain = `/${path}/`.replaceAll(/\/+/g, '/');
  const mount = record.spec.mounts.find(({ destination }) => plain.startsWith(`${destination}/`));
  if (mount === undefined) return;
  const text = `is not running: ${path} is in its volume ${mount.volume}, which it has while it runs`;
  throw busy(record, text);
}

async function visit(call: Call, parts: DockerParts, { record, guests }: Inside): Promise<void> {
  for (;;) {
    const outcome = await submitFor(call, parts, 'container.visit', { container: record.name });
    const { id } = outcome;
    for (;;) {
      const state = await guests.state(record.name, { run: id, ms: LOOK_MS }, call.signal);
      if (state?.startedAt === id && state.state === 'running') return;
      if (state?.startedAt === id && state.state === 'failed')
        throw new StowageError('guest-failed', `its files cannot be reached: ${state.message ?? ''}`);
      const job = await parts.jobs.read(id);
      if (job !== undefined && !isJobOver(job.state) && state?.state !== 'exited') continue;
      // Another's visit, that is just over, or a container that runs by now; or it failed, and says why.
      const { visited } = await resultOf(await parts.jobs.waitUntilOver(id, call.signal), outcome, call, parts);
      if (visited === false) return;
      break;
    }
  }
}
