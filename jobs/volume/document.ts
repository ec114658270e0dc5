import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type DatastorePath, parseDatastorePath, parseDiskUuid, parseJobId, parseVolumeName } from '../../core/ids.ts';
import type { Files } from '../../core/ports/data-centre.ts';
import { ACCESS_MODES, DISK_FORMATS, FILE_SYSTEMS, type VolumeDocument } from '../../core/volume.ts';
import { branded } from '../branded.ts';
import { documentPathOf } from './place.ts';

const schema = z.object({
  stowage: z.literal(1),
  name: branded(parseVolumeName),
  state: z.enum(['creating', 'available', 'deleting']),
  spec: z.object({
    store: z.string(),
    capacityBytes: z.number().int().nonnegative(),
    diskFormat: z.enum(DISK_FORMATS),
    access: z.enum(ACCESS_MODES),
    fileSystem: z.enum(FILE_SYSTEMS),
    cloneFrom: branded(parseVolumeName).optional(),
    labels: z.record(z.string(), z.string()),
  }),
  createdAt: z.string(),
  job: branded(parseJobId),
  disk: z.object({ path: branded(parseDatastorePath), uuid: branded(parseDiskUuid).optional() }).optional(),
});

/** Drops keys whose value is undefined, as exact optional properties want it. */
function compact<T extends object>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export function encodeDocument(document: VolumeDocument): Uint8Array {
  return Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
}

/** @throws `volume-damaged` when it is not a volume's document of a version that this Stowage reads */
export function decodeDocument(bytes: Uint8Array, path: DatastorePath): VolumeDocument {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new StowageError('volume-damaged', `${path} is not JSON`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    throw new StowageError('volume-damaged', `${path} is not the document of a volume: ${faults}`);
  }
  return compact(parsed.data) as VolumeDocument;
}

/** undefined: there is none. @throws `volume-damaged` */
export async function readDocument(
  files: Files,
  home: DatastorePath,
  signal: AbortSignal,
): Promise<VolumeDocument | undefined> {
  const path = documentPathOf(home);
  const bytes = await files.read(path, signal);
  return bytes === undefined ? undefined : decodeDocument(bytes, path);
}

/**
 * For undoing: a document that is damaged is nobody's, as one that is not there. A read that failed, or was interrupted, says nothing
 * about what lies there, and is thrown: what undoes must not take it for "nothing to undo".
 */
export async function readUndamaged(
  files: Files,
  home: DatastorePath,
  signal: AbortSignal,
): Promise<VolumeDocument | undefined> {
  try {
    return await readDocument(files, home, signal);
  } catch (thrown) {
    if (isErrorCode(thrown, 'volume-damaged')) return undefined;
    throw thrown;
  }
}
