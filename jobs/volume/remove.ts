import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type ContainerId, type DatastorePath, parseContainerId, type VolumeName } from '../../core/ids.ts';
import type { VolumeDocument, VolumePlace, VolumeRecord } from '../../core/volume.ts';
import { branded, setByStowage } from '../branded.ts';
import { containersOfVolume } from '../container/users.ts';
import { type AnyKind, defineKind, type Step, type StepContext, type StepResult } from '../define.ts';
import { encodeDocument, readDocument } from './document.ts';
import { findElsewhere } from './find-disk.ts';
import { ignoreMissing } from './ignore-missing.ts';
import { volumeNameSchema } from './options.ts';
import { documentPathOf } from './place.ts';
import { findHolders, findVolume, inUse, moved, ownVolume, put, volumeLine, withHolderNamed } from './volume-of.ts';

// Removing goes the other way round: the document first says `deleting`, then the disk goes, then the directory with the document.
// A crash in between leaves a document from which reconcile goes on.

interface Payload {
  readonly name: VolumeName;
  readonly container?: ContainerId;
}
interface Notes {
  readonly before: VolumeRecord;
  readonly place?: VolumePlace;
}
type Context = StepContext<Payload, Notes>;

/** What is not there is as wanted. */
function asNothing(thrown: unknown): undefined {
  if (!isErrorCode(thrown, 'volume-not-found')) throw thrown;
}

/** Also stopped ones: they would not start again. */
async function refuseContainers(context: Context): Promise<void> {
  const { name, container } = context.payload;
  const users = await containersOfVolume(context, name, container);
  if (users.length === 0) return;
  const holder = users.map((user) => user.name).join(', ');
  throw new StowageError('volume-in-use', `remove ${name}: volume is in use - [${holder}]`, { holder });
}

/** Decides that it may go: nobody holds it. */
const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  isLocal: true,
  async run(context) {
    const found = await findVolume(context, context.payload.name).catch(asNothing);
    if (found === undefined) return { done: { name: context.payload.name, removed: false } };
    const { record } = found;
    await refuseContainers(context);
    if (record.state === 'in-use' || record.holders.length > 0) throw inUse(record, 'removed');
    const isHalfGone = record.state === 'deleting' || record.state === 'failed';
    if (!isHalfGone && record.state !== 'available') {
      throw new StowageError('volume-busy', `volume ${record.name} is ${record.state} and cannot be removed now`);
    }
    const { failure: _, ...rest } = record;
    const next: VolumeRecord = isHalfGone
      ? { ...rest, state: 'deleting', updatedAt: context.now(), job: context.jobId }
      : moved(context, record, 'deleting');
    return {
      notes: { before: record, ...(record.place === undefined ? {} : { place: record.place }) },
      records: [put(found, next)],
    };
  },
};

/** A container that was reserved just before the volume was: it comes first. */
const recheck: Step<Payload, Notes> = {
  name: 'recheck',
  isLocal: true,
  async run(context) {
    await refuseContainers(context);
    return {};
  },
};

async function writeState(context: Context, state: VolumeDocument['state']): Promise<void> {
  const { place } = context.notes;
  if (place === undefined) return;
  const { files } = context.dataCentre;
  const document = await readDocument(files, place.home, context.signal);
  if (document === undefined || document.state === state) return;
  await files.write(documentPathOf(place.home), encodeDocument({ ...document, state }), context.fence);
}

const mark: Step<Payload, Notes> = {
  name: 'mark',
  async run(context) {
    await writeState(context, 'deleting');
    return {};
  },
  async undo(context) {
    // Only while the disk is there is it a volume again.
    if (await isDiskThere(context)) await writeState(context, 'available');
  },
};

async function isDiskThere(context: Context): Promise<boolean> {
  const { place, before } = context.notes;
  if (place === undefined || before === undefined || before.state !== 'available') return false;
  if (place.disk === undefined) return true;
  return (await context.dataCentre.disks.uuid(place.disk.path, context.signal)) !== undefined;
}

const disk: Step<Payload, Notes> = {
  name: 'disk',
  task: { method: 'DeleteVirtualDisk_Task' },
  // A Task whose answer was lost has deleted it: no second one is issued.
  async probe(context) {
    const path = context.notes.place?.disk?.path;
    if (path === undefined) return undefined;
    if ((await context.dataCentre.disks.uuid(path, context.signal)) !== undefined) return undefined;
    return (await findMoved(context)) === undefined ? {} : undefined;
  },
  async run(context) {
    const { place, before } = context.notes;
    if (place?.disk === undefined || before === undefined) return {};
    const { path } = place.disk;
    // vSphere would delete a disk under a machine that is powered off: its own lock only guards running ones.
    const holders = await findHolders(context, before);
    if (holders.length > 0) throw inUse({ ...before, holders }, 'removed');
    await withHolderNamed(context, before, () => removeDisk(context, path));
    return {};
  },
};

/** Gone is as wanted; moved is not gone. */
async function removeDisk(context: Context, path: DatastorePath): Promise<void> {
  try {
    await context.task(() => context.dataCentre.disks.remove(path, context.fence));
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-not-found')) throw thrown;
    const moved = await findMoved(context);
    if (moved !== undefined) await context.task(() => context.dataCentre.disks.remove(moved, context.fence));
  }
}

async function findMoved(context: Context): Promise<DatastorePath | undefined> {
  const { before } = context.notes;
  return before === undefined ? undefined : findElsewhere(context, before);
}

const directory: Step<Payload, Notes> = {
  name: 'directory',
  task: { method: 'DeleteDatastoreFile_Task' },
  async probe(context) {
    const { place } = context.notes;
    if (place === undefined) return undefined;
    return (await context.dataCentre.files.list(place.home, context.signal)) === undefined
      ? forgotten(context)
      : undefined;
  },
  async run(context) {
    const { place } = context.notes;
    if (place !== undefined)
      await ignoreMissing(context.task(() => context.dataCentre.files.remove(place.home, context.fence)));
    return forgotten(context);
  },
};

async function forgotten(context: Context): Promise<StepResult<Notes>> {
  const { place } = context.notes;
  const own = await ownVolume(context, context.payload.name);
  return {
    records: [{ op: 'remove', type: 'volume', name: own.record.name, expectedRev: own.rev }],
    events: [
      {
        type: 'volume.removed',
        subject: `volume:${own.record.name}`,
        data: { path: place?.disk?.path ?? place?.home ?? '' },
      },
    ],
  };
}

export const volumeRemove: AnyKind = defineKind<Payload, Notes>({
  kind: 'volume.remove',
  summary: 'Removes a volume and its data. A volume that a machine holds, or a container mounts, is not removed.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    name: volumeNameSchema,
    container: setByStowage(branded(parseContainerId), ': it goes, and does not count'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ name: z.string(), removed: z.boolean().describe('false: there was no such volume') }),
  resources: (payload) => [volumeLine(payload.name)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 500, capMs: 20_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [reserve, recheck, mark, disk, directory],
  finish: (context) => ({ name: context.payload.name, removed: true }),
  async abandon(context, error) {
    const found = await context.records.read('volume', context.payload.name);
    const { before } = context.notes;
    if (found === undefined || before === undefined || found.record.job !== context.jobId) return {};
    const isWhole = await isDiskThere(context).catch((thrown: unknown) => {
      // Who was interrupted knows nothing of the disk: whoever has the claim next asks again.
      if (context.signal.aborted) throw thrown;
      return false;
    });
    const failed: VolumeRecord = {
      ...found.record,
      state: 'failed',
      failure: { during: 'deleting', message: error.message },
    };
    return {
      records: [put(found, { ...(isWhole ? before : failed), updatedAt: context.now(), job: context.jobId })],
      events: [
        {
          type: 'volume.failed',
          subject: `volume:${found.record.name}`,
          data: { code: error.code, message: error.message },
        },
      ],
    };
  },
});
