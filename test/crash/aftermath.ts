import { expect } from 'vitest';
import type { Job } from '../../core/job.ts';
import { parseDiskUuid } from '../../core/ids.ts';
import { isJobOver } from '../../core/states.ts';
import { disksOf, documentOf, eventually, filesWith, type LabTask } from '../system/lab-view.ts';
import { containerIdOf, expectContainer } from './container-aftermath.ts';
import { expectImage, expectLayer } from './image-aftermath.ts';
import type { After, VolumeAfter } from './scenario.ts';
import type { CrashSystem } from './stage.ts';

interface TimedTask extends LabTask {
  readonly entity: string;
  readonly entityName: string;
  readonly queued: string;
}

/** Waits until no job is at it any more, then compares. */
export async function expectAfter(crash: CrashSystem, after: After, job: Job, at: string): Promise<void> {
  const name = after.type === 'container' ? await containerIdOf(crash.system, after.name, job) : after.name;
  await eventually(
    `${after.type} ${after.name} to be left alone`,
    async () => (await crash.redis.exists(`{stowage}:line:${after.type}:${name}`)) === 0,
  );
  switch (after.type) {
    case 'volume':
      return expectVolume(crash, after, at);
    case 'image':
      return expectImage(crash, after, at);
    case 'layer':
      return expectLayer(crash, after, at);
    case 'container':
      return expectContainer(crash, { after, job, at });
  }
}

/** Record, document, disk and devices agree, and there is one of each, or none at all. */
async function expectVolume({ system }: CrashSystem, volume: VolumeAfter, at: string): Promise<void> {
  const { name } = volume;
  const disks = (await disksOf(system, `/${name}/`)).map((disk) => ({
    capacityBytes: disk.capacityBytes,
    devices: disk.attachments.length,
    uuid: parseDiskUuid(disk.uuid),
  }));
  const record = await system.volume(name);
  if (volume.state === undefined) {
    expect({ disks, record, files: await filesWith(system, `/${name}`) }, `${name} ${at}`).toEqual({
      disks: [],
      record: undefined,
      files: [],
    });
    return;
  }
  const document = await documentOf(system, record?.place?.datastore ?? 'shared-1', name);
  expect(record, `record of ${name} ${at}`).toMatchObject({
    state: volume.state,
    place: { backing: volume.backing },
    holders: Array.from({ length: volume.devices ?? 0 }, () => ({})),
  });
  expect(record?.failure, `${name} ${at}`).toBeUndefined();
  expect(document, `document of ${name} ${at}`).toMatchObject({ name, state: 'available', spec: record?.spec });
  if (volume.backing === 'files') {
    expect(disks, `disks of ${name} ${at}`).toEqual([]);
    expect(await filesWith(system, `/${name}/data`), `${name} ${at}`).not.toEqual([]);
    return;
  }
  const { capacityBytes, devices } = volume;
  expect(disks, `disks of ${name} ${at}`).toEqual([{ capacityBytes, devices, uuid: document.disk?.uuid }]);
  expect(record?.spec.capacityBytes, `${name} ${at}`).toBe(capacityBytes);
  expect(record?.place?.disk?.uuid, `${name} ${at}`).toBe(document.disk?.uuid);
}

/** Nothing of the job is left that would hold up others: no claim, no place in a line, no entry, no open child, nobody who waits for it. */
export async function expectNothingHeld({ redis, system }: CrashSystem, job: Job, at: string): Promise<void> {
  const look = async (): Promise<readonly string[]> => {
    const places = job.resources.flatMap((each) => [`{stowage}:claim:${each}`, `{stowage}:line:${each}`]);
    const held = places.length === 0 ? 0 : await redis.exists(...places);
    const entries = await redis.keys(`{stowage}:bull:${job.lane}:${job.id}.*`);
    const ready = (await redis.zscore('{stowage}:ready', job.id)) === null ? [] : ['ready'];
    const waiting = await redis.keys(`{stowage}:awaiting:${job.id}`);
    const children = await system.store.jobs.list({ actor: `job:${job.id}` }, { limit: 100 });
    const open = children.items.filter(({ state }) => !isJobOver(state)).map(({ id, kind }) => `${kind} ${id}`);
    return [...(held === 0 ? [] : ['claim or line']), ...entries, ...ready, ...waiting, ...open];
  };
  await eventually(`nothing held by ${job.id} ${at}: ${(await look()).join(', ')}`, async () =>
    (await look()).length === 0 ? true : undefined,
  );
}

const UNDONE_BY_THEMSELVES = ['ReconfigVM_Task', 'Rename_Task'];

/** No Task was accepted a second time after the first one had taken effect or was still to. */
export async function expectNoTaskTwice(
  { system }: CrashSystem,
  job: Job,
  where: {
    readonly names: readonly string[];
    readonly machine: string;
    readonly at: string;
    /** What was undone looks like what was done. */
    readonly wasUndone?: boolean;
  },
): Promise<void> {
  const all = (await system.lab('GET', '/tasks')) as readonly TimedTask[];
  const own = all.filter(
    (task) =>
      task.method !== 'SearchDatastore_Task' &&
      task.queued >= job.createdAt &&
      (task.entityName === where.machine ||
        task.args.some((arg) => where.names.some((name) => `${arg}/`.includes(`/${name}/`)))),
  );
  const begun = new Map<string, TimedTask>();
  const undone = new Set<string>();
  for (const task of own.toSorted((a, b) => (a.queued < b.queued ? -1 : 1))) {
    const key = [task.method, task.entity, ...task.args].join(' ');
    const first = begun.get(key);
    if (
      first !== undefined &&
      where.wasUndone === true &&
      UNDONE_BY_THEMSELVES.includes(task.method) &&
      !undone.has(key)
    ) {
      if (task.state !== 'error') undone.add(key);
      continue;
    }
    expect(first, `${where.at}: ${key} was issued again after ${JSON.stringify(first)}: ${JSON.stringify(task)}`).toBe(
      undefined,
    );
    if (task.state !== 'error') begun.set(key, task);
  }
}
