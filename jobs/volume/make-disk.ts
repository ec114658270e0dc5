import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { DatastorePath, TaskRef } from '../../core/ids.ts';
import type { Files } from '../../core/ports/data-centre.ts';
import type { Step } from '../define.ts';
import { noted } from '../noted.ts';
import { readUndamaged } from './document.ts';
import { whereItLies } from './find-disk.ts';
import { ignoreMissing } from './ignore-missing.ts';
import type { MakeContext, MakeNotes, MakeResult } from './make-notes.ts';
import type { VolumeRequest } from './options.ts';
import { dataPathOf, within } from './place.ts';
import { findVolume, withHolderNamed } from './volume-of.ts';

// What is in the home: an empty disk, a copy of another volume's disk, or a copy of its files.

/** The size of the disk that lies at its place, if one does. */
async function sizeOnDatastore(context: MakeContext): Promise<number | undefined> {
  const place = noted(context.notes.place);
  const entries = await context.dataCentre.files.list(place.home, context.signal);
  return entries?.find((entry) => entry.name === `${context.payload.name}.vmdk`)?.capacityBytes;
}

/**
 * Does the disk lie there, whole? For a copy the size says it: vSphere gives the copy its size at the end of the Task, and takes a broken
 * one away; Tasks in flight have been waited for before anyone asks.
 */
async function isMade(context: MakeContext): Promise<boolean> {
  const { spec, place } = context.notes;
  if (place?.disk === undefined) return false;
  const sizeBytes = await sizeOnDatastore(context);
  if (sizeBytes === undefined || sizeBytes === noted(spec).capacityBytes) return sizeBytes !== undefined;
  throw new StowageError(
    'volume-damaged',
    `the disk at ${place.disk.path} has ${sizeBytes} bytes, not the ${noted(spec).capacityBytes} of this volume`,
  );
}

/** A Task whose answer was lost has made it: no second one is issued. */
async function probeDisk(context: MakeContext): Promise<MakeResult | undefined> {
  return (await isMade(context)) ? {} : undefined;
}

/** An empty disk; nothing to do for a directory, or for a clone. */
export const createDisk: Step<VolumeRequest, MakeNotes> = {
  name: 'disk',
  applies: ({ notes }) => notes.place?.disk !== undefined && notes.sourceDisk === undefined,
  task: { method: 'CreateVirtualDisk_Task' },
  probe: probeDisk,
  async run(context): Promise<MakeResult> {
    const { spec, place } = context.notes;
    const { path } = noted(place?.disk);
    const { diskFormat: format, capacityBytes } = noted(spec);
    await bearExisting(context, () => context.dataCentre.disks.create({ path, capacityBytes, format }, context.fence));
    return {};
  },
  undoTask: { method: 'DeleteVirtualDisk_Task' },
  undo: removeDisk,
};

export const copyDisk: Step<VolumeRequest, MakeNotes> = {
  name: 'copy',
  applies: ({ notes }) => notes.sourceDisk !== undefined,
  task: { method: 'CopyVirtualDisk_Task' },
  probe: probeDisk,
  async run(context): Promise<MakeResult> {
    const { spec, place } = context.notes;
    const { path: to } = noted(place?.disk);
    const { record: source } = await findVolume(context, noted(spec?.cloneFrom));
    await withHolderNamed(context, source, () =>
      whereItLies(context, source, (from) =>
        bearExisting(context, () =>
          context.dataCentre.disks.copy({ from, to, format: noted(spec).diskFormat }, context.fence),
        ),
      ),
    );
    return {};
  },
  undoTask: { method: 'DeleteVirtualDisk_Task' },
  undo: removeDisk,
};

export const copyFiles: Step<VolumeRequest, MakeNotes> = {
  name: 'copy-files',
  applies: ({ notes }) => notes.sourceData !== undefined,
  task: { method: 'CopyDatastoreFile_Task' },
  async probe(context) {
    return (await areFilesCopied(context)) ? {} : undefined;
  },
  async run(context): Promise<MakeResult> {
    const { place, sourceData } = context.notes;
    const to = dataPathOf(noted(place).home);
    try {
      await context.task(() => context.dataCentre.files.copy(noted(sourceData), to, context.fence));
    } catch (thrown) {
      if (!isErrorCode(thrown, 'vcenter-exists')) throw thrown;
      if (!(await areFilesCopied(context)))
        throw new StowageError('volume-damaged', `${to} is an incomplete copy of ${noted(sourceData)}`, {
          cause: thrown,
        });
    }
    return {};
  },
};

async function areFilesCopied(context: MakeContext): Promise<boolean> {
  const { place, sourceData } = context.notes;
  const { files } = context.dataCentre;
  return isSameTree(files, [noted(sourceData), dataPathOf(noted(place).home)], context.signal);
}

/** Names and sizes all the way down: a directory's copy that broke off lacks some. */
async function isSameTree(
  files: Files,
  [from, to]: readonly [DatastorePath, DatastorePath],
  signal: AbortSignal,
): Promise<boolean> {
  const [there, here] = await Promise.all([files.list(from, signal), files.list(to, signal)]);
  if (there === undefined || here === undefined || there.length !== here.length) return false;
  for (const entry of there) {
    const copy = here.find((each) => each.name === entry.name);
    if (copy === undefined || copy.isDirectory !== entry.isDirectory || copy.sizeBytes !== entry.sizeBytes)
      return false;
    const isSame =
      !entry.isDirectory || (await isSameTree(files, [within(from, entry.name), within(to, entry.name)], signal));
    if (!isSame) return false;
  }
  return true;
}

/** The home is ours, so a disk of the right size in it was made by an earlier attempt. */
async function bearExisting(context: MakeContext, start: () => Promise<TaskRef>): Promise<void> {
  try {
    await context.task(start);
  } catch (thrown) {
    if (isErrorCode(thrown, 'vcenter-exists') && (await isMade(context))) return;
    throw thrown;
  }
}

async function removeDisk(context: MakeContext): Promise<void> {
  const { place } = context.notes;
  if (place?.disk === undefined) return;
  const { path } = place.disk;
  const document = await readUndamaged(context.dataCentre.files, place.home, context.signal);
  if (document?.job !== context.jobId || (await sizeOnDatastore(context)) === undefined) return;
  await ignoreMissing(context.task(() => context.dataCentre.disks.remove(path, context.fence)));
}
