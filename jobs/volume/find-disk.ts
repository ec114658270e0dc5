import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type DatastorePath, datastorePath, type DiskUuid, type VolumeName } from '../../core/ids.ts';
import type { VolumeRecord, VolumeStore } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { datastoresOf, homeOf, within } from './place.ts';

type AnyContext = Pick<StepContext<unknown, unknown>, 'dataCentre' | 'records' | 'signal' | 'world'>;

export interface WantedDisk {
  readonly volume: VolumeName;
  readonly uuid: DiskUuid;
  readonly capacityBytes: number;
}

/**
 * Where the disk of this uuid lies, for one that is not where it was: Storage DRS and people move disks between the datastores of a
 * cluster, and rename them on the way. Looked for in the volume's folder on each of the store's datastores, and in the folders at the
 * top of them (machines have theirs there). Only disks of the right size are opened. undefined: nowhere there.
 */
export async function findMovedDisk(
  context: AnyContext,
  store: VolumeStore,
  disk: WantedDisk,
): Promise<DatastorePath | undefined> {
  for (const datastore of await datastoresOf(context, store)) {
    const top = datastorePath(datastore.name, '');
    const entries = (await context.dataCentre.files.list(top, context.signal)) ?? [];
    const folders = entries.filter((entry) => entry.isDirectory).map((entry) => within(top, entry.name));
    for (const folder of [homeOf(datastore.name, store, disk.volume), ...folders]) {
      const found = await findIn(context, folder, disk);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/**
 * Where the disk of a volume lies that is not where its record says; undefined: nowhere else.
 * @param capacityBytes its size, where that is not the record's
 */
export async function findElsewhere(
  context: AnyContext,
  record: Pick<VolumeRecord, 'name' | 'place' | 'spec'>,
  capacityBytes: number = record.spec.capacityBytes,
): Promise<DatastorePath | undefined> {
  const store = context.world.stores.get(record.spec.store);
  const { path, uuid } = record.place?.disk ?? {};
  if (store === undefined || uuid === undefined) return undefined;
  const found = await findMovedDisk(context, store, { volume: record.name, uuid, capacityBytes });
  return found === path ? undefined : found;
}

/**
 * Works on a volume's disk where the record says that it is; when vSphere has nothing there, where it was moved to.
 * What a first Task found missing it has not changed, so a second one is safe.
 */
export async function whereItLies<T>(
  context: AnyContext,
  record: Pick<VolumeRecord, 'name' | 'place' | 'spec'>,
  work: (path: DatastorePath) => Promise<T>,
): Promise<T> {
  const path = record.place?.disk?.path;
  if (path === undefined) throw new StowageError('volume-damaged', `volume ${record.name} has no disk`);
  try {
    return await work(path);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-not-found')) throw thrown;
    const elsewhere = await findElsewhere(context, record);
    if (elsewhere === undefined) throw thrown;
    return work(elsewhere);
  }
}

async function findIn(
  context: AnyContext,
  folder: DatastorePath,
  disk: WantedDisk,
): Promise<DatastorePath | undefined> {
  const entries = (await context.dataCentre.files.list(folder, context.signal)) ?? [];
  for (const entry of entries.filter((each) => each.capacityBytes === disk.capacityBytes)) {
    const path = within(folder, entry.name);
    if ((await uuidAt(context, path)) === disk.uuid) return path;
  }
  return undefined;
}

/** undefined: no disk there, or one that a running machine has open. */
export async function uuidAt(context: AnyContext, path: DatastorePath): Promise<DiskUuid | undefined> {
  try {
    return await context.dataCentre.disks.uuid(path, context.signal);
  } catch (thrown) {
    if (isErrorCode(thrown, 'file-locked')) return undefined;
    throw thrown;
  }
}
