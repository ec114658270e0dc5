import type { InventorySnapshot } from '../core/ports/data-centre.ts';
import { InventoryView } from './inventory-view.ts';
import type { Vim } from './schema/vim.ts';

export type InventoryListener = (snapshot: InventorySnapshot) => void;

/** Changed figures (free space) are told so often at most; what else changes in the inventory is told at once. */
const FIGURES_DELAY_MS = 1_000;

/**
 * Tells listeners of the inventory, as it comes in updates.
 * empty → (updates of a new rig) → whole, from then on told → … → (`renew`) → empty.
 */
export class InventoryFeed {
  readonly #listeners = new Set<InventoryListener>();
  #view = new InventoryView();
  #isWhole = false;
  #hasNews = false;
  #hasChanges = false;
  #figuresTimer: NodeJS.Timeout | undefined;

  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: InventoryListener): void {
    this.#listeners.add(listener);
    if (this.#isWhole) listener(this.#view.snapshot());
  }

  remove(listener: InventoryListener): void {
    this.#listeners.delete(listener);
  }

  /** What was known is forgotten: a new rig reports everything again. */
  renew(): void {
    this.stop();
    this.#view = new InventoryView();
    this.#isWhole = false;
    this.#hasNews = false;
    this.#hasChanges = false;
  }

  /** To be called for every answer, also where nothing is new here: what an answer before has begun is complete with the first that is not truncated. */
  apply(objects: readonly Vim<'ObjectUpdate'>[], isTruncated: boolean): void {
    for (const object of objects) if (this.#view.apply(object)) this.#hasNews = true;
    this.#hasChanges ||= objects.length > 0;
    if (isTruncated || !this.#hasChanges) return;
    this.#isWhole = true;
    this.#hasChanges = false;
    if (this.#hasNews) this.#tell();
    else this.#figuresTimer ??= setTimeout(() => this.#tell(), FIGURES_DELAY_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#figuresTimer);
    this.#figuresTimer = undefined;
  }

  #tell(): void {
    this.stop();
    this.#hasNews = false;
    const snapshot = this.#view.snapshot();
    for (const listener of this.#listeners) listener(snapshot);
  }
}
