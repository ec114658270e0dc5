import { StowageError } from '../../core/errors.ts';
import type { ImageDocument, ImageName, ImageRecord } from '../../core/image.ts';
import type { JsonObject } from '../../core/job.ts';
import type { RecordChange } from '../../core/record.ts';
import type { Digest, ImageReference } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';
import { readImageDocument } from './documents.ts';
import { configPath, imageHome, imageStoreOf } from './place.ts';

type AnyContext = StepContext<unknown, unknown>;

/** An image's record and its revision; 0 when there is no record and it was rebuilt from the document. */
export interface FoundImage {
  readonly record: ImageRecord;
  readonly rev: number;
}

/** The image's record; when Redis has none (it was emptied, and reconcile has not come by yet), that of its document. */
export async function findImage(context: AnyContext, id: Digest): Promise<FoundImage | undefined> {
  const known = await context.records.read('image', id);
  if (known !== undefined) return known;
  const document = await readImageDocument(
    context.dataCentre.files,
    imageHome(imageStoreOf(context.world), id),
    context.signal,
  );
  if (document === undefined || document.id !== id) return undefined;
  return { record: await recordFromDocument(context, document), rev: 0 };
}

/** @throws `image-not-found` */
export async function theImage(context: AnyContext, id: Digest): Promise<FoundImage> {
  const found = await findImage(context, id);
  if (found === undefined) throw new StowageError('image-not-found', `there is no image ${id}`);
  return found;
}

/** @throws `image-damaged` when the configuration beside the document is gone */
export async function recordFromDocument(context: AnyContext, document: ImageDocument): Promise<ImageRecord> {
  const home = imageHome(imageStoreOf(context.world), document.id);
  const bytes = await context.dataCentre.files.read(configPath(home), context.signal);
  if (bytes === undefined) throw new StowageError('image-damaged', `${configPath(home)} is missing`);
  return {
    type: 'image',
    name: document.id,
    state: document.state,
    names: document.names,
    layers: document.layers,
    config: parseConfig(Buffer.from(bytes).toString('utf8'), document.id),
    manifest: document.manifest,
    sizeBytes: document.sizeBytes,
    home,
    createdAt: document.createdAt,
    updatedAt: context.now(),
    job: document.job,
  };
}

/** @throws `image-damaged` */
export function parseConfig(text: string, id: Digest): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below.
  }
  throw new StowageError('image-damaged', `the configuration of image ${id} is not a JSON object`);
}

export function documentOf(record: ImageRecord, state: ImageDocument['state'] = 'available'): ImageDocument {
  if (record.job === undefined) throw new TypeError('an image is made by a job');
  return {
    stowage: 1,
    state,
    id: record.name,
    names: record.names,
    layers: record.layers,
    manifest: record.manifest,
    sizeBytes: record.sizeBytes,
    createdAt: record.createdAt,
    job: record.job,
  };
}

/** The names with these among them, as given at `at`. */
export function withNames(
  names: readonly ImageName[],
  references: readonly ImageReference[],
  at: number,
): readonly ImageName[] {
  return [
    ...names.filter(({ reference }) => !references.includes(reference)),
    ...references.map((reference) => ({ reference, at })),
  ];
}

export function put(found: FoundImage, record: ImageRecord): RecordChange {
  return { op: 'put', record, expectedRev: found.rev };
}

/**
 * Names move with one write: the newest counts. What an older image still has of them is taken from it by jobs of its own, so that no
 * name comes back to it when the newer image goes. Not waited for: two images may be taking names from one another.
 */
export async function takeNames(
  context: AnyContext,
  id: Digest,
  references: readonly ImageReference[],
  at: number,
): Promise<void> {
  for (const { record } of await readAll(context, 'image')) {
    if (record.name === id) continue;
    for (const name of record.names) {
      if (references.includes(name.reference) && name.at < at)
        await context.submit('image.untag', { image: record.name, reference: name.reference, at });
    }
  }
}
