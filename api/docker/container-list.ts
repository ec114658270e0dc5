import type { ContainerRecord } from '../../core/container.ts';
import { indexImages } from '../../jobs/image/naming.ts';
import { type Answer, json } from './answer.ts';
import { filterContainers } from './container-filter.ts';
import { findShown } from './container-find.ts';
import { isAlive } from './container-state.ts';
import { renderContainer, renderRow } from './container-view.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';

async function list({ query, minor }: Call, { records, clock }: DockerParts): Promise<Answer> {
  const [all, imageRecords] = await Promise.all([allRecords(records, 'container'), allRecords(records, 'image')]);
  const images = indexImages(imageRecords);
  const options = { images, nowMs: clock.nowMs(), minor, withSize: flagOf(query, 'size') };
  return json(filterContainers(query, all, images).map((record) => renderRow(record, options)));
}

async function inspect(call: Call, parts: DockerParts): Promise<Answer> {
  const { records } = parts;
  const record = await findShown(call, parts);
  const [image, hosts, pid, volumes] = await Promise.all([
    records.read('image', record.spec.image),
    allRecords(records, 'host'),
    pidOf(record, call, parts),
    Promise.all(record.spec.mounts.map(({ volume }) => records.read('volume', volume))),
  ]);
  return json(
    renderContainer(record, {
      image: image?.record,
      volumes: new Map(volumes.flatMap((each) => (each === undefined ? [] : [[each.record.name, each.record]]))),
      host: hosts.find(({ ref }) => ref === record.machine?.host)?.name,
      pid,
      minor: call.minor,
      withSize: flagOf(call.query, 'size'),
    }),
  );
}

/** In its machine; 0: it does not run, or nobody knows. */
async function pidOf(record: ContainerRecord, { signal }: Call, { guests }: DockerParts): Promise<number> {
  if (guests === undefined || !isAlive(record)) return 0;
  const state = await guests.state(record.name, undefined, signal).catch(() => undefined);
  return state?.state === 'running' && state.startedAt === record.run.startedAt ? (state.pid ?? 0) : 0;
}

export const containerListRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/containers/json',
    role: 'viewer',
    support: { as: 'partial', missing: 'addresses; of sizes, what a container has written' },
    handler: list,
  },
  {
    method: 'GET',
    path: '/containers/{name}/json',
    role: 'viewer',
    support: { as: 'partial', missing: 'addresses, execs; of sizes, what a container has written' },
    handler: inspect,
  },
];
