import { StowageError } from '../../core/errors.ts';
import type { DiskUuid } from '../../core/ids.ts';
import { type VolumeDocument, VOLUME_DOCUMENT, type VolumePlace } from '../../core/volume.ts';
import type { Step } from '../define.ts';
import { noted } from '../noted.ts';
import { encodeDocument, readDocument, readUndamaged } from './document.ts';
import { ignoreMissing } from './ignore-missing.ts';
import type { MakeContext, MakeNotes, MakeResult } from './make-notes.ts';
import type { VolumeRequest } from './options.ts';
import { dataPathOf, documentPathOf } from './place.ts';
import { explainDifference } from './spec.ts';
import { moved, ownVolume, put, recordFromDocument, resultOf } from './volume-of.ts';

// A volume's home while it is made: the directory, and the document in it.

function documentOf(context: MakeContext, state: VolumeDocument['state'], uuid?: DiskUuid): VolumeDocument {
  const place = noted(context.notes.place);
  return {
    stowage: 1,
    name: context.payload.name,
    state,
    spec: noted(context.notes.spec),
    createdAt: noted(context.notes.createdAt),
    job: context.jobId,
    ...(place.disk === undefined ? {} : { disk: { ...place.disk, ...(uuid === undefined ? {} : { uuid }) } }),
  };
}

/** Takes the volume's home: makes the directory and says in it whose it is. */
export const takeHome: Step<VolumeRequest, MakeNotes> = {
  name: 'directory',
  async run(context): Promise<MakeResult> {
    const { files } = context.dataCentre;
    const place = noted(context.notes.place);
    // A clone's data directory is made by the copy.
    const isEmptyFiles = place.backing === 'files' && context.notes.sourceData === undefined;
    const made = await files.makeDirectory(isEmptyFiles ? dataPathOf(place.home) : place.home, context.fence);
    if (made === 'existed') {
      const adopted = await adopt(context, place);
      if (adopted !== undefined) return adopted;
    }
    await files.write(documentPathOf(place.home), encodeDocument(documentOf(context, 'creating')), context.fence);
    return {};
  },
  undoTask: { method: 'DeleteDatastoreFile_Task' },
  async undo(context) {
    await removeHome(context);
  },
};

/** The directory is there: is the volume in it ours, complete, or somebody else's? undefined: ours to go on with. */
async function adopt(context: MakeContext, place: VolumePlace): Promise<MakeResult | undefined> {
  const { files } = context.dataCentre;
  const document = await readDocument(files, place.home, context.signal);
  if (document === undefined) {
    const strange = (await files.list(place.home, context.signal))?.filter((entry) => entry.name !== 'data');
    if (strange === undefined || strange.length === 0) return undefined;
    const names = strange.map((entry) => entry.name).join(', ');
    throw new StowageError('volume-foreign', `${place.home} holds files that Stowage did not make: ${names}`);
  }
  if (document.state === 'creating') return undefined;
  const difference = explainDifference(document.spec, noted(context.notes.spec));
  if (document.state === 'deleting')
    throw new StowageError('volume-busy', `volume ${document.name} is half removed: submit volume.remove to end that`);
  if (difference !== undefined)
    throw new StowageError(
      'volume-exists',
      `volume ${document.name} lies on ${place.datastore} with another specification: ${difference}`,
    );
  // Redis has forgotten a volume that is there, and the same one is asked for.
  const own = await ownVolume(context, context.payload.name);
  const record = recordFromDocument(document, place, { holders: [], now: context.now() });
  return {
    done: resultOf(record, false),
    records: [put(own, { ...record, job: context.jobId })],
    events: [{ type: 'volume.adopted', subject: `volume:${record.name}`, data: { path: place.home } }],
  };
}

/** Only what a creation can have put there; a directory with anything else in it stays, and is reported. */
async function removeHome(context: MakeContext): Promise<void> {
  const { files } = context.dataCentre;
  const { place } = context.notes;
  if (place === undefined) return;
  const document = await readUndamaged(files, place.home, context.signal);
  const entries = await files.list(place.home, context.signal);
  if (
    entries === undefined ||
    document?.state === 'available' ||
    (document !== undefined && document.job !== context.jobId)
  )
    return;
  const strange = entries.filter((entry) => entry.name !== VOLUME_DOCUMENT && entry.name !== 'data');
  if (strange.length > 0 || (document === undefined && entries.length > 0)) {
    context.warn('a directory was left: it holds what this job did not make', {
      path: place.home,
      names: strange.map((entry) => entry.name),
    });
    return;
  }
  await ignoreMissing(context.task(() => files.remove(place.home, context.fence)));
}

/** Reads the disk's identity and writes the done-marker. */
export const publish: Step<VolumeRequest, MakeNotes> = {
  name: 'publish',
  async run(context): Promise<MakeResult> {
    const { disks, files } = context.dataCentre;
    const place = noted(context.notes.place);
    const [own, uuid] = await Promise.all([
      ownVolume(context, context.payload.name),
      place.disk === undefined ? undefined : disks.uuid(place.disk.path, context.signal),
    ]);
    if (place.disk !== undefined && uuid === undefined)
      throw new StowageError('volume-damaged', `the disk at ${place.disk.path} has gone again`);
    await files.write(
      documentPathOf(place.home),
      encodeDocument(documentOf(context, 'available', uuid)),
      context.fence,
    );
    const complete: VolumePlace =
      place.disk === undefined || uuid === undefined ? place : { ...place, disk: { ...place.disk, uuid } };
    return {
      records: [put(own, moved(context, own.record, 'available', { place: complete }))],
      events: [
        {
          type: 'volume.created',
          subject: `volume:${context.payload.name}`,
          data: {
            path: complete.disk?.path ?? complete.home,
            capacityBytes: noted(context.notes.spec).capacityBytes,
            store: noted(context.notes.spec).store,
          },
        },
      ],
    };
  },
  // The marker is taken back first, so that what is left is never mistaken for a volume.
  async undo(context) {
    const { place } = context.notes;
    if (place === undefined) return;
    const document = await readUndamaged(context.dataCentre.files, place.home, context.signal);
    if (document?.job !== context.jobId || document.state !== 'available') return;
    await context.dataCentre.files.write(
      documentPathOf(place.home),
      encodeDocument({ ...document, state: 'creating' }),
      context.fence,
    );
  },
};
