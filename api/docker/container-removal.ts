import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { parseJobId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import { type Answer, empty, json } from './answer.ts';
import { prunableContainers } from './container-filter.ts';
import { findShown } from './container-find.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';
import { resultOf, runJob } from './run-job.ts';

/** Containers that one prune removes at once. */
const PRUNES = 8;

async function remove(call: Call, parts: DockerParts): Promise<Answer> {
  if (flagOf(call.query, 'link')) throw new StowageError('operation-unsupported', 'rm --link: there are no links');
  const { name } = await findShown(call, parts);
  const result = await runJob(call, parts, 'container.remove', {
    container: name,
    ...(flagOf(call.query, 'force') ? { force: true } : {}),
    ...(flagOf(call.query, 'v') ? { anonymous: true } : {}),
  });
  await volumesGone(call, parts, result);
  return empty();
}

/** A volume that somebody took into use meanwhile stays, and the container is gone all the same: as with dockerd. */
async function volumesGone(call: Call, parts: DockerParts, { volumeJobs }: JsonObject): Promise<void> {
  const ids = Array.isArray(volumeJobs) ? volumeJobs.map((id) => parseJobId(String(id))) : [];
  for (const id of ids) {
    if (id === undefined) continue;
    try {
      await resultOf(await parts.jobs.waitUntilOver(id, call.signal), { outcome: 'accepted', id }, call, parts);
    } catch (error) {
      if (isErrorCode(error, 'not-ready')) throw error;
      parts.logger.warn({ err: error, job: id }, 'an anonymous volume was not removed');
    }
  }
}

/** What is started meanwhile stays. */
async function prune(call: Call, parts: DockerParts): Promise<Answer> {
  const { records, clock } = parts;
  const waiting = [...prunableContainers(call.query, await allRecords(records, 'container'), clock.nowMs())];
  const removed: string[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (await removeQuietly(call, parts, next)) removed.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: PRUNES }, work));
  return json({ ContainersDeleted: removed.length === 0 ? null : removed.sort(), SpaceReclaimed: 0 });
}

async function removeQuietly(call: Call, parts: DockerParts, { name }: ContainerRecord): Promise<boolean> {
  try {
    await runJob(call, parts, 'container.remove', { container: name });
    return true;
  } catch (error) {
    if (isErrorCode(error, 'container-busy', 'container-not-found')) return false;
    throw error;
  }
}

export const containerRemovalRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/containers/prune',
    since: 25,
    role: 'operator',
    support: { as: 'partial', missing: 'the space that was reclaimed' },
    handler: prune,
  },
  {
    method: 'DELETE',
    path: '/containers/{name}',
    role: 'operator',
    support: { as: 'partial', missing: 'links' },
    handler: remove,
  },
];
