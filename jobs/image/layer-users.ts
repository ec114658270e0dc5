import { isErrorCode } from '../../core/errors.ts';
import { type Digest, parseDigest } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { readImageDocument } from './documents.ts';
import { readAll } from '../read-all.ts';
import { imageHome, imagesFolder, imageStoreOf } from './place.ts';

type AnyContext = StepContext<unknown, unknown>;

/** The image of a directory below `images/`; undefined when the name is none of ours. */
export function digestOfDirectory(name: string): Digest | undefined {
  return parseDigest(`sha256:${name}`);
}

/**
 * Why the layer must stay, as far as images go; undefined: none has it. The records say so, and for directories that no record stands for
 * (Redis was emptied, and reconcile has not come by yet) their documents: what one needs that cannot be read, nobody knows.
 */
export async function reasonOfImages(context: AnyContext, diffId: Digest): Promise<string | undefined> {
  const records = await readAll(context, 'image');
  const found = records.find(({ record }) => record.layers.some((layer) => layer.diffId === diffId));
  if (found !== undefined) return `image ${found.record.name} has it`;
  const store = imageStoreOf(context.world);
  const known = new Set<string>(records.map(({ record }) => record.name));
  const entries = (await context.dataCentre.files.list(imagesFolder(store), context.signal)) ?? [];
  for (const id of entries.map((entry) => digestOfDirectory(entry.name))) {
    if (id === undefined || known.has(id)) continue;
    const reason = await reasonOfDocument(context, id, diffId);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function reasonOfDocument(context: AnyContext, id: Digest, diffId: Digest): Promise<string | undefined> {
  const home = imageHome(imageStoreOf(context.world), id);
  try {
    const document = await readImageDocument(context.dataCentre.files, home, context.signal);
    if (document?.state !== 'available') return undefined;
    return document.layers.some((layer) => layer.diffId === diffId) ? `image ${id} has it` : undefined;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'image-damaged')) throw thrown;
    return `image ${id} may have it: ${thrown.message}`;
  }
}
