import type { Moref } from '../core/ids.ts';
import type { MachinesChange } from '../core/ports/machines.ts';
import type { Rig } from './collector-rig.ts';
import { folderGone, MachineFeed } from './machine-feed.ts';
import type { Vim } from './schema/vim.ts';

/** The folders whose machines are watched. A feed stays while its rig does, also unwatched: a filter reports what it has only once. */
export class MachineFeeds {
  readonly #feeds = new Map<Moref, MachineFeed>();

  /** Resolves when the signal fires. @throws `vcenter-not-found` when the folder is gone */
  async watch(folder: Moref, onChange: (change: MachinesChange) => void, signal: AbortSignal): Promise<void> {
    const feed = this.#feeds.get(folder) ?? new MachineFeed();
    this.#feeds.set(folder, feed);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = { onChange, onFailure: reject };
    const onAbort = (): void => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    feed.add(listener);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      feed.remove(listener);
    }
  }

  /** Those that somebody watches. */
  get folders(): readonly Moref[] {
    return [...this.#feeds].filter(([, feed]) => feed.isWanted).map(([folder]) => folder);
  }

  /** What was known is forgotten: a new rig reports everything again. */
  renew(rig: Rig): void {
    for (const [folder, feed] of this.#feeds) {
      feed.renew();
      if (rig.machineFilters.has(folder)) continue;
      // Those who came while the rig was built are in none yet: the next one has them.
      if (!feed.isWanted || rig.goneFolders.has(folder)) this.#feeds.delete(folder);
      if (rig.goneFolders.has(folder)) feed.fail(folderGone(folder));
    }
  }

  /** Also where nothing is new for a folder: it may be whole with this answer. */
  apply(rig: Rig, updates: ReadonlyMap<Moref, readonly Vim<'ObjectUpdate'>[]>, isTruncated: boolean): void {
    for (const [folder, filter] of rig.machineFilters) {
      this.#feeds.get(folder)?.apply(updates.get(filter) ?? [], isTruncated);
    }
  }
}
