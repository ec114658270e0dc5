import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode } from '../../core/errors.ts';
import type { EventStore } from '../../core/ports/jobs.ts';
import { isAlive } from './container-state.ts';
import type { DockerParts } from './parts.ts';

/** What becomes of a container's run, as its events tell. */
export interface RunWatch {
  /** Resolves at the first start; never, when none comes. */
  readonly started: Promise<void>;
  /** died: what it wrote may still come. failed: it did not start, or is gone: nothing will come. stopped: nobody watches any more. */
  readonly ended: Promise<'died' | 'failed' | 'stopped'>;
}

/** The newest event so far. To be read before the record: whatever happens after that is among the events that follow. */
export async function newestEvent(events: EventStore): Promise<string> {
  return (await events.list({ limit: 1 })).items[0]?.id ?? '0-0';
}

export function watchRun(
  parts: Pick<DockerParts, 'events' | 'records' | 'logger'>,
  { name }: ContainerRecord,
  { after, signal }: { readonly after: string; readonly signal: AbortSignal },
): RunWatch {
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<'died' | 'failed' | 'stopped'>();
  /** What failed may as well have been to stop it. */
  const isOff = async (): Promise<boolean> => {
    const found = await parts.records.read('container', name);
    return found === undefined || !isAlive(found.record);
  };
  const follow = async (): Promise<void> => {
    for await (const { type, subject } of parts.events.follow(after, signal)) {
      if (subject !== `container:${name}`) continue;
      if (type === 'container.started' || type === 'container.recovered') started.resolve();
      if (type === 'container.died') ended.resolve('died');
      else if (type === 'container.removed' || (type === 'container.failed' && (await isOff())))
        ended.resolve('failed');
    }
  };
  follow()
    .catch((error: unknown) => {
      if (!isErrorCode(error, 'redis-unavailable'))
        parts.logger.warn({ err: error, container: name }, 'a run is not watched any more');
    })
    .finally(() => ended.resolve('stopped'));
  return { started: started.promise, ended: ended.promise };
}

/** For the output of one that died, and whose guest says no end of it. */
const GRACE_MS = 10_000;

/** Calls back when nothing more is to be expected of the run. */
export function whenOver({ ended }: RunWatch, signal: AbortSignal, end: () => void): void {
  void ended.then(async (how) => {
    if (how === 'died') await sleep(GRACE_MS, undefined, { signal }).catch(() => undefined);
    if (how !== 'stopped') end();
  });
}
