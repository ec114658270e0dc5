import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type DatastorePath, parseDatastorePath, parseDiskUuid, parseJobId } from '../../core/ids.ts';
import type { ImageDocument, LayerDocument } from '../../core/image.ts';
import type { Files } from '../../core/ports/data-centre.ts';
import {
  CANONICAL_PATTERN,
  canonicalReference,
  DIGEST_PATTERN,
  parseDigest,
  parseReference,
  type ImageReference,
} from '../../core/reference.ts';
import { branded } from '../branded.ts';
import { imageDocumentPath, layerDocumentPath } from './place.ts';

/** Only the canonical spelling: what is kept must not change its meaning with a default. */
function parseCanonical(text: string): ImageReference | undefined {
  const parts = parseReference(text);
  if (typeof parts === 'string') return undefined;
  const canonical = canonicalReference(parts);
  return canonical === text ? canonical : undefined;
}

const size = z.number().int().nonnegative();
export const digestSchema = branded(parseDigest, 'must be sha256: and 64 hexadecimal digits', {
  pattern: DIGEST_PATTERN,
});
export const referenceSchema = branded(
  parseCanonical,
  'must be registry/repository:tag or registry/repository@digest',
  {
    pattern: CANONICAL_PATTERN,
  },
);
export const blobSchema = z.strictObject({ digest: digestSchema, sizeBytes: size, mediaType: z.string().max(255) });
export const layerSchema = z.strictObject({ diffId: digestSchema, blob: blobSchema });
export const manifestSchema = z.strictObject({ digest: digestSchema, mediaType: z.string().max(255), sizeBytes: size });

const layerDocument = z.object({
  stowage: z.literal(1),
  state: z.enum(['available', 'deleting']),
  diffId: digestSchema,
  disk: z.object({ path: branded(parseDatastorePath), uuid: branded(parseDiskUuid), sizeBytes: size }),
  blob: blobSchema,
  sizeBytes: size,
  impliedDirectories: z.array(z.string()),
  createdAt: z.string(),
  job: branded(parseJobId),
});
const imageDocument = z.object({
  stowage: z.literal(1),
  state: z.enum(['available', 'deleting']),
  id: digestSchema,
  names: z.array(z.object({ reference: referenceSchema, at: z.number() })),
  layers: z.array(layerSchema),
  manifest: manifestSchema,
  sizeBytes: size,
  createdAt: z.string(),
  job: branded(parseJobId),
});

export function encode(document: LayerDocument | ImageDocument): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array, path: DatastorePath): T {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new StowageError('image-damaged', `${path} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new StowageError('image-damaged', `${path} is not a document of ours: ${faults}`);
}

/** undefined: there is none. @throws `image-damaged` */
export async function readLayerDocument(
  files: Files,
  home: DatastorePath,
  signal: AbortSignal,
): Promise<LayerDocument | undefined> {
  const path = layerDocumentPath(home);
  const bytes = await files.read(path, signal);
  return bytes === undefined ? undefined : decode(layerDocument, bytes, path);
}

/** For who undoes or removes: a document that is damaged is nobody's. A read that failed says nothing, and is thrown. */
export async function readUndamaged(
  files: Files,
  home: DatastorePath,
  signal: AbortSignal,
): Promise<LayerDocument | undefined> {
  try {
    return await readLayerDocument(files, home, signal);
  } catch (thrown) {
    if (isErrorCode(thrown, 'image-damaged')) return undefined;
    throw thrown;
  }
}

/** undefined: there is none. @throws `image-damaged` */
export async function readImageDocument(
  files: Files,
  home: DatastorePath,
  signal: AbortSignal,
): Promise<ImageDocument | undefined> {
  const path = imageDocumentPath(home);
  const bytes = await files.read(path, signal);
  return bytes === undefined ? undefined : decode(imageDocument, bytes, path);
}
