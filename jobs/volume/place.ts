import { StowageError } from '../../core/errors.ts';
import type { StoreRecord } from '../../core/host.ts';
import { type DatastorePath, datastorePath, splitDatastorePath, type VolumeName } from '../../core/ids.ts';
import type { DatastoreFacts } from '../../core/ports/data-centre.ts';
import { type StoreBacking, VOLUME_DOCUMENT, type VolumePlace, type VolumeStore } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';

type AnyContext = Pick<StepContext<unknown, unknown>, 'dataCentre' | 'records' | 'signal' | 'world'>;

/** `[ds] a` and `b` → `[ds] a/b`. */
export function within(base: DatastorePath, name: string): DatastorePath {
  const { datastore, path } = splitDatastorePath(base);
  return datastorePath(datastore, path === '' ? name : `${path}/${name}`);
}

export function volumesFolder(datastore: string, store: VolumeStore): DatastorePath {
  return within(datastorePath(datastore, store.root), 'volumes');
}

export function homeOf(datastore: string, store: VolumeStore, name: string): DatastorePath {
  return within(volumesFolder(datastore, store), name);
}

export function diskPathOf(home: DatastorePath, name: VolumeName): DatastorePath {
  return within(home, `${name}.vmdk`);
}

export function documentPathOf(home: DatastorePath): DatastorePath {
  return within(home, VOLUME_DOCUMENT);
}

/** Where the files of a volume on an NFS store lie; the guest mounts this directory. */
export function dataPathOf(home: DatastorePath): DatastorePath {
  return within(home, 'data');
}

export function backingOfKind(kind: string): StoreBacking {
  return /^NFS/i.test(kind) ? 'files' : 'block';
}

/** The configured store. @throws `store-not-found` */
export function storeNamed(context: Pick<AnyContext, 'world'>, name: string): VolumeStore {
  const store = context.world.stores.get(name);
  if (store === undefined) throw new StowageError('store-not-found', `there is no volume store "${name}"`);
  return store;
}

type SeenDatastore = Pick<DatastoreFacts, 'name' | 'kind' | 'accessible'>;

/** The datastores of a store: as the watcher last saw them, or read from vSphere when it has not seen the store yet. */
export async function datastoresOf(context: AnyContext, store: VolumeStore): Promise<readonly SeenDatastore[]> {
  const seen = await context.records.read('store', store.name);
  if (seen !== undefined && isSameTarget(seen.record, store) && seen.record.datastores.length > 0)
    return seen.record.datastores;
  const { datastores } = await context.dataCentre.inventory.read(context.signal);
  return datastores.filter((each) =>
    store.target.type === 'pod' ? each.pod === store.target.name : each.name === store.target.name,
  );
}

function isSameTarget(seen: StoreRecord, store: VolumeStore): boolean {
  return seen.target.type === store.target.type && seen.target.name === store.target.name;
}

/**
 * Where a new volume goes. In a datastore cluster vSphere recommends the datastore.
 * @throws `store-not-found` when vSphere does not have the store's datastore, `unavailable` kinds when it cannot be reached
 */
export async function choosePlace(
  context: AnyContext,
  store: VolumeStore,
  name: VolumeName,
  capacityBytes: number,
): Promise<VolumePlace> {
  const datastores = await datastoresOf(context, store);
  const [first] = datastores;
  if (first === undefined) {
    throw new StowageError(
      'store-not-found',
      `vSphere has no ${store.target.type} "${store.target.name}", where the volume store "${store.name}" should be`,
    );
  }
  const chosen =
    store.target.type === 'pod'
      ? await context.dataCentre.inventory.recommend(store.target.name, capacityBytes, context.signal)
      : first.name;
  const backing = backingOfKind(datastores.find((each) => each.name === chosen)?.kind ?? first.kind);
  const home = homeOf(chosen, store, name);
  return {
    datastore: chosen,
    home,
    backing,
    ...(backing === 'block' ? { disk: { path: diskPathOf(home, name) } } : {}),
  };
}
