import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { type JobId, JOB_ID_FORM, parseJobId } from '../../core/ids.ts';
import type { ImageLayer, ImageRecord } from '../../core/image.ts';
import type { Digest, ImageReference } from '../../core/reference.ts';
import { branded } from '../branded.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { digestSchema, encode, layerSchema, manifestSchema, referenceSchema } from './documents.ts';
import { documentOf, findImage, parseConfig, put, takeNames, withNames } from './image-of.ts';
import { configPath, imageDocumentPath, imageHome, imageLine, imageStoreOf, manifestPath } from './place.ts';
import { removeHome } from './remove-home.ts';

// The last part of a pull: the image's configuration and manifest, then its document, and with it the record. Its layers are there, and
// stay, because the pull that waits for this job has pins on them.

const MAX_TEXT = 1_048_576;

const payloadSchema = z.strictObject({
  image: digestSchema,
  references: z.array(referenceSchema).min(1).max(10),
  layers: z.array(layerSchema).max(1_000),
  manifest: manifestSchema,
  manifestText: z.string().max(MAX_TEXT),
  configText: z.string().max(MAX_TEXT),
  pull: branded(parseJobId, 'is not the id of a job', JOB_ID_FORM),
});
export interface ImageAddPayload {
  readonly image: Digest;
  readonly references: readonly ImageReference[];
  readonly layers: readonly ImageLayer[];
  readonly manifest: ImageRecord['manifest'];
  readonly manifestText: string;
  readonly configText: string;
  readonly pull: JobId;
}
interface Notes {
  readonly at: number;
  readonly isThere: boolean;
}
type Context = StepContext<ImageAddPayload, Notes>;

/** Whether the layers are there, whatever became of them since they were pulled. */
async function contentBytes(context: Context): Promise<number> {
  const records = await Promise.all(context.payload.layers.map(({ diffId }) => context.records.read('layer', diffId)));
  const missing = context.payload.layers.find((_, at) => records[at]?.record.state !== 'available');
  if (missing !== undefined)
    throw new StowageError(
      'image-busy',
      `layer ${missing.diffId} of image ${context.payload.image} has gone again: pull once more`,
    );
  return records.reduce((sum, found) => sum + (found?.record.sizeBytes ?? 0), 0);
}

const files: Step<ImageAddPayload, Notes> = {
  name: 'files',
  async run(context) {
    const { payload, dataCentre, fence } = context;
    const found = await findImage(context, payload.image);
    const at = context.fence.epoch;
    if (found?.record.state === 'available') return { notes: { at, isThere: true } };
    const home = imageHome(imageStoreOf(context.world), payload.image);
    await dataCentre.files.makeDirectory(home, fence);
    await dataCentre.files.write(configPath(home), Buffer.from(payload.configText), fence);
    await dataCentre.files.write(manifestPath(home), Buffer.from(payload.manifestText), fence);
    return { notes: { at, isThere: false } };
  },
  undoTask: { method: 'DeleteDatastoreFile_Task' },
  /** An image that was published stays: whoever cancelled came too late. */
  async undo(context) {
    const { payload, notes } = context;
    if (notes.isThere === true || (await isPublished(context))) return;
    const home = imageHome(imageStoreOf(context.world), payload.image);
    // Not noted yet: one that is whole was there before, and Redis has forgotten it.
    if (notes.isThere === undefined && (await findImage(context, payload.image))?.record.state === 'available') return;
    await removeHome(context, home);
  },
};

async function isPublished({ records, payload }: Context): Promise<boolean> {
  return (await records.read('image', payload.image))?.record.state === 'available';
}

const publish: Step<ImageAddPayload, Notes> = {
  name: 'publish',
  async run(context) {
    const { payload } = context;
    const found = await findImage(context, payload.image);
    const sizeBytes = await contentBytes(context);
    const now = context.now();
    const home = imageHome(imageStoreOf(context.world), payload.image);
    const before = found?.record.state === 'available' ? found.record : undefined;
    const record: ImageRecord = {
      type: 'image',
      name: payload.image,
      state: 'available',
      names: withNames(before?.names ?? [], payload.references, noted(context.notes.at)),
      layers: payload.layers,
      config: parseConfig(payload.configText, payload.image),
      manifest: before?.manifest ?? payload.manifest,
      sizeBytes,
      home,
      createdAt: before?.createdAt ?? now,
      updatedAt: now,
      job: context.jobId,
    };
    await context.dataCentre.files.write(imageDocumentPath(home), encode(documentOf(record)), context.fence);
    return {
      records: [put({ record, rev: found?.rev ?? 0 }, record)],
      events: [
        {
          type: 'image.pulled',
          subject: imageLine(record.name),
          data: { names: [...payload.references], digest: payload.manifest.digest },
        },
      ],
    };
  },
  /** The document says again what the record says. */
  async undo(context) {
    const known = await context.records.read('image', context.payload.image);
    if (known?.record.state !== 'available') return;
    const path = imageDocumentPath(known.record.home);
    await context.dataCentre.files.write(path, encode(documentOf(known.record)), context.fence);
  },
};

const others: Step<ImageAddPayload, Notes> = {
  name: 'others',
  async run(context) {
    await takeNames(context, context.payload.image, context.payload.references, noted(context.notes.at));
    return {};
  },
};

export const imageAdd: AnyKind = defineKind<ImageAddPayload, Notes>({
  kind: 'image.add',
  summary: 'Makes an image of layers that are there. Submitted by `image.pull`.',
  role: 'admin',
  lane: 'default',
  payload: payloadSchema,
  result: z.object({ image: z.string(), isNew: z.boolean() }),
  resources: ({ image }) => [imageLine(image)],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 10_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [files, publish, others],
  finish: ({ payload, notes }) => ({ image: payload.image, isNew: notes.isThere !== true }),
  /** The pull may be over, and then has left its layers to this job. */
  async abandon(context) {
    for (const diffId of new Set(context.payload.layers.map((layer) => layer.diffId)))
      await context.submit('layer.release', { diffId, ignoring: context.jobId });
    return {};
  },
});
