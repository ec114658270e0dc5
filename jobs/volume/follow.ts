import type { DatastorePath } from '../../core/ids.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { encodeDocument, readDocument } from './document.ts';
import { documentPathOf } from './place.ts';

/**
 * Notes in the document where the disk is now, before the record says that it is free. The record may know of the move already (reconcile
 * saw it); the document is what must follow it.
 */
export async function followInDocument(
  context: StepContext<unknown, unknown>,
  record: VolumeRecord,
  path: DatastorePath | undefined,
): Promise<Pick<VolumeRecord, 'place'>> {
  const { place } = record;
  if (place?.disk === undefined || path === undefined) return {};
  const document = await readDocument(context.dataCentre.files, place.home, context.signal);
  if (document?.disk !== undefined && document.disk.path !== path) {
    const bytes = encodeDocument({ ...document, disk: { ...document.disk, path } });
    await context.dataCentre.files.write(documentPathOf(place.home), bytes, context.fence);
  }
  return path === place.disk.path ? {} : { place: { ...place, disk: { ...place.disk, path } } };
}
