import type { Digest } from '../../core/reference.ts';
import { parseDigest } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { readImageDocument } from './documents.ts';
import { readAll } from './image-of.ts';
import { imageHome, imagesFolder, imageStoreOf } from './place.ts';

type AnyContext = StepContext<unknown, unknown>;

/** The image of a directory below `images/`; undefined when the name is none of ours. */
export function digestOfDirectory(name: string): Digest | undefined {
  return parseDigest(`sha256:${name}`);
}

/**
 * An image that has the layer. The records say so, and for directories that no record stands for (Redis was emptied, and reconcile has not
 * come by yet) their documents. @throws `image-damaged` when one of those cannot be read: nobody knows what it needs
 */
export async function imageWithLayer(context: AnyContext, diffId: Digest): Promise<Digest | undefined> {
  const records = await readAll(context, 'image');
  const found = records.find(({ record }) => record.layers.some((layer) => layer.diffId === diffId));
  if (found !== undefined) return found.record.name;
  const store = imageStoreOf(context.world);
  const known = new Set<string>(records.map(({ record }) => record.name));
  const entries = (await context.dataCentre.files.list(imagesFolder(store), context.signal)) ?? [];
  for (const id of entries.map((entry) => digestOfDirectory(entry.name))) {
    if (id === undefined || known.has(id)) continue;
    const document = await readImageDocument(context.dataCentre.files, imageHome(store, id), context.signal);
    if (document?.state === 'available' && document.layers.some((layer) => layer.diffId === diffId)) return id;
  }
  return undefined;
}
