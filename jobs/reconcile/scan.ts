import { isErrorCode } from '../../core/errors.ts';
import type { DatastorePath } from '../../core/ids.ts';
import type { FileEntry } from '../../core/ports/data-centre.ts';
import type { VolumeDocument, VolumePlace, VolumeStore } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { readDocument } from '../volume/document.ts';
import { backingOfKind, datastoresOf, homeOf, volumesFolder } from '../volume/place.ts';

type AnyContext = StepContext<unknown, unknown>;

/** What lies in one directory below a store's `volumes/`. */
export interface FoundHome {
  readonly store: VolumeStore;
  readonly place: VolumePlace;
  readonly directory: string;
  readonly files: readonly FileEntry[];
  readonly document?: VolumeDocument;
  /** Why the document cannot be read. */
  readonly damage?: string;
}

const AT_ONCE = 8;

/** Everything that lies in the volume stores. @throws when a store cannot be read: what is not seen is not gone. */
export async function scanStores(context: AnyContext): Promise<readonly FoundHome[]> {
  const found: FoundHome[] = [];
  for (const store of context.world.stores.values()) {
    for (const datastore of await datastoresOf(context, store)) {
      const entries = await context.dataCentre.files.list(volumesFolder(datastore.name, store), context.signal);
      const directories = (entries ?? []).filter((entry) => entry.isDirectory);
      const backing = backingOfKind(datastore.kind);
      const homes = await inTurn(directories, (entry) => {
        const home = homeOf(datastore.name, store, entry.name);
        return look(context, store, { datastore: datastore.name, home, backing }, entry.name);
      });
      found.push(...homes);
    }
  }
  return found;
}

async function look(
  context: AnyContext,
  store: VolumeStore,
  place: VolumePlace,
  directory: string,
): Promise<FoundHome> {
  const { files } = context.dataCentre;
  const list = place.backing === 'block' ? ((await files.list(place.home, context.signal)) ?? []) : [];
  try {
    const document = await readDocument(files, place.home, context.signal);
    return { store, place, directory, files: list, ...(document === undefined ? {} : { document }) };
  } catch (thrown) {
    if (!isErrorCode(thrown, 'volume-damaged')) throw thrown;
    return { store, place, directory, files: list, damage: thrown.message };
  }
}

/** A few at once, in order. */
export async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}

export function hasDisk(home: FoundHome, path: DatastorePath): boolean {
  return home.files.some((entry) => path === `${home.place.home}/${entry.name}` && entry.capacityBytes !== undefined);
}
