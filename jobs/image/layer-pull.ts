import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { LayerDocument, LayerRecord } from '../../core/image.ts';
import type { Versioned } from '../../core/record.ts';
import { type AnyKind, defineKind, type Step, type StepResult } from '../define.ts';
import { noted } from '../noted.ts';
import { diskDescriptor, diskUuidOf } from './descriptor.ts';
import { encode, readUndamaged } from './documents.ts';
import {
  type LayerPullContext,
  type LayerPullNotes,
  layerOf,
  type LayerPullPayload,
  layerPullPayload,
  ownerOf,
} from './layer-job.ts';
import { openPins } from './pins.ts';
import { imageStoreOf, layerDiskPaths, layerDocumentPath, layerHome, layerLine } from './place.ts';
import { removeHome } from './remove-home.ts';
import { removeOtherFiles, uploadLayer } from './upload.ts';

// A layer becomes a read-only disk: fetched, verified and unpacked in one pass, uploaded, read back, and last of all its document is
// written. A crash before that leaves a directory that says nothing, which the next attempt fills anew.

type Payload = LayerPullPayload;
type Notes = LayerPullNotes;
type Context = LayerPullContext;

function resultOf(record: Pick<LayerRecord, 'name' | 'disk' | 'sizeBytes'>, fetched: boolean) {
  return { diffId: record.name, path: record.disk?.path ?? '', sizeBytes: record.sizeBytes, fetched };
}

/** A layer that is there gets a pin, and that is all. */
const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  isLocal: true,
  async run(context) {
    const { diffId, blob, pull } = context.payload;
    const before = await context.records.read('layer', diffId);
    const now = context.now();
    // Those of pulls that are over go, or a layer that many images have would collect them.
    const pins = [...new Set([...(await openPins(context, before?.record.pins ?? [])), pull])];
    if (before?.record.state === 'available') {
      return {
        done: resultOf(before.record, false),
        records: [{ op: 'put', record: { ...before.record, pins, updatedAt: now }, expectedRev: before.rev }],
      };
    }
    const record: LayerRecord = {
      type: 'layer',
      name: diffId,
      state: 'pulling',
      home: layerHome(imageStoreOf(context.world), diffId),
      blob,
      sizeBytes: 0,
      impliedDirectories: [],
      pins,
      createdAt: before?.record.createdAt ?? now,
      updatedAt: now,
      job: context.jobId,
    };
    return { notes: { createdAt: record.createdAt }, records: [{ op: 'put', record, expectedRev: before?.rev ?? 0 }] };
  },
};

async function own(context: Context): Promise<Versioned<LayerRecord>> {
  const found = await context.records.read('layer', context.payload.diffId);
  if (found === undefined)
    throw new StowageError('record-stale', `the record of layer ${context.payload.diffId} is gone`);
  return found;
}

function homeOf(context: Context) {
  return layerHome(imageStoreOf(context.world), context.payload.diffId);
}

/** The directory is ours by its name; a document in it is that of the layer, whole (Redis had forgotten it). */
const directory: Step<Payload, Notes> = {
  name: 'directory',
  async run(context) {
    const { files, disks } = context.dataCentre;
    const home = homeOf(context);
    if ((await files.makeDirectory(home, context.fence)) === 'created') return {};
    const document = await readUndamaged(files, home, context.signal);
    if (document?.state !== 'available' || document.diffId !== context.payload.diffId) return {};
    if ((await disks.uuid(document.disk.path, context.signal)) !== document.disk.uuid) return {};
    const { record } = await published(context, document);
    return {
      ...record,
      done: resultOf({ name: document.diffId, disk: document.disk, sizeBytes: document.sizeBytes }, false),
    };
  },
  undoTask: { method: 'DeleteDatastoreFile_Task' },
  async undo(context) {
    const { files } = context.dataCentre;
    const home = homeOf(context);
    context.fence.assertHeld();
    await context.images.layers.forget(layerOf(context.payload), ownerOf(context), true);
    const document = await readUndamaged(files, home, context.signal);
    if (document !== undefined && document.job !== context.jobId) return;
    await removeHome(context, home);
  },
};

/** Fetched, unpacked, uploaded and read back, under names of this claim's own. Nothing of it counts before the document. */
const disk: Step<Payload, Notes> = {
  name: 'disk',
  async run(context) {
    const { diffId } = context.payload;
    const { disk: path, extent } = layerDiskPaths(homeOf(context), context.fence.epoch);
    const made = await uploadLayer(context, extent);
    const uuid = diskUuidOf(diffId);
    const descriptor = diskDescriptor({ extent, sizeBytes: made.sizeBytes, uuid });
    await context.dataCentre.files.write(path, descriptor, context.fence);
    const seen = await context.dataCentre.disks.uuid(path, context.signal);
    if (seen !== uuid)
      throw new StowageError('image-damaged', `vSphere does not see the disk that was uploaded to ${path}`);
    return {
      notes: {
        disk: { path, extent, uuid, sizeBytes: made.sizeBytes },
        sizeBytes: made.contentBytes,
        impliedDirectories: made.impliedDirectories,
      },
    };
  },
};

async function published(
  context: Context,
  document: LayerDocument,
): Promise<{ readonly record: Pick<StepResult<Notes>, 'records' | 'events'> }> {
  const { record, rev } = await own(context);
  const { flag: _, ...rest } = record;
  const next: LayerRecord = {
    ...rest,
    state: 'available',
    disk: document.disk,
    blob: document.blob,
    sizeBytes: document.sizeBytes,
    impliedDirectories: document.impliedDirectories,
    updatedAt: context.now(),
    job: context.jobId,
  };
  return {
    record: {
      records: [{ op: 'put', record: next, expectedRev: rev }],
      events: [
        {
          type: 'layer.pulled',
          subject: layerLine(record.name),
          data: { path: document.disk.path, sizeBytes: document.sizeBytes },
        },
      ],
    },
  };
}

/** The done-marker. What earlier attempts left in the directory goes first: nothing names it. */
const publish: Step<Payload, Notes> = {
  name: 'publish',
  task: { method: 'DeleteDatastoreFile_Task' },
  async run(context) {
    const { diffId, blob } = context.payload;
    const { extent, ...made } = noted(context.notes.disk);
    await removeOtherFiles(context, homeOf(context), [made.path, extent]);
    const document: LayerDocument = {
      stowage: 1,
      state: 'available',
      diffId,
      disk: made,
      blob,
      sizeBytes: noted(context.notes.sizeBytes),
      impliedDirectories: noted(context.notes.impliedDirectories),
      createdAt: noted(context.notes.createdAt),
      job: context.jobId,
    };
    await context.dataCentre.files.write(layerDocumentPath(homeOf(context)), encode(document), context.fence);
    return (await published(context, document)).record;
  },
};

export const layerPull: AnyKind = defineKind<Payload, Notes>({
  kind: 'layer.pull',
  summary: 'Fetches one layer and makes a read-only disk of it. Submitted by `image.pull`.',
  role: 'admin',
  lane: 'pull',
  payload: layerPullPayload as unknown as z.ZodType<Payload>,
  result: z.object({
    diffId: z.string(),
    path: z.string(),
    sizeBytes: z.number(),
    fetched: z.boolean().describe('false: it was there already'),
  }),
  resources: ({ diffId }) => [layerLine(diffId)],
  joins: true,
  retry: { maxAttempts: 5, baseMs: 500, capMs: 15_000 },
  deadlineMs: 6 * 60 * 60 * 1_000,
  steps: [reserve, directory, disk, publish],
  finish: ({ payload, notes }) => ({
    diffId: payload.diffId,
    path: notes.disk?.path ?? '',
    sizeBytes: notes.sizeBytes ?? 0,
    fetched: true,
  }),
  async abandon(context) {
    const found = await context.records.read('layer', context.payload.diffId);
    if (found === undefined || found.record.state !== 'pulling' || found.record.job !== context.jobId) return {};
    return { records: [{ op: 'remove', type: 'layer', name: found.record.name, expectedRev: found.rev }] };
  },
});
