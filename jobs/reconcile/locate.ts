import { type DatastorePath, parentPath } from '../../core/ids.ts';
import type { StepContext } from '../define.ts';
import { findMovedDisk, uuidAt } from '../volume/find-disk.ts';
import type { Attachments } from './holders.ts';
import { type FoundHome, hasDisk } from './scan.ts';

type AnyContext = StepContext<unknown, unknown>;

/**
 * Where a volume's disk is: where a machine has it, where the document says, or wherever its uuid is found in the store. Only the record
 * learns of a move; the document follows when a job has the volume next. undefined: no block volume, or the disk is missing.
 */
export async function locateDisk(
  context: AnyContext,
  home: FoundHome,
  attachments: Attachments,
): Promise<DatastorePath | undefined> {
  const { document } = home;
  if (document?.disk === undefined || home.place.backing !== 'block') return undefined;
  const { path, uuid } = document.disk;
  const [attached] = attachments.of(document.disk);
  if (attached !== undefined) return attached.path;
  if (hasDisk(home, path)) return path;
  if (uuid === undefined || document.state !== 'available') return undefined;
  if (parentPath(path) !== home.place.home && (await uuidAt(context, path)) === uuid) return path;
  return findMovedDisk(context, home.store, {
    volume: document.name,
    uuid,
    capacityBytes: document.spec.capacityBytes,
  });
}
