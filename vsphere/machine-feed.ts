import { StowageError } from '../core/errors.ts';
import { type Moref, splitMoref } from '../core/ids.ts';
import type { MachinesChange, WatchedMachine } from '../core/ports/machines.ts';
import { WATCHED_MACHINE_PATHS, watchedMachineOf } from './machine-facts.ts';
import { parseProperty } from './properties.ts';
import type { PropertyPath, Vim } from './schema/vim.ts';

export interface MachineListener {
  readonly onChange: (change: MachinesChange) => void;
  readonly onFailure: (error: StowageError) => void;
}

type Path = (typeof WATCHED_MACHINE_PATHS)[number] & PropertyPath<'VirtualMachine'>;
type Held = { ref: Moref } & { [P in Path]?: unknown };

const isWatched = (name: string): name is Path => WATCHED_MACHINE_PATHS.some((path) => path === name);

/**
 * Tells listeners of the machines in one folder, as they come in updates. An answer's changes are told together.
 * empty → (updates of a new rig) → whole, told as such → (changes, told as such) → … → (`renew`) → empty.
 */
export class MachineFeed {
  readonly #listeners = new Set<MachineListener>();
  readonly #held = new Map<Moref, Held>();
  #isWhole = false;
  #changed = new Set<Moref>();
  #failure: StowageError | undefined;

  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: MachineListener): void {
    this.#listeners.add(listener);
    if (this.#failure !== undefined) listener.onFailure(this.#failure);
    else if (this.#isWhole) listener.onChange(this.#whole());
  }

  remove(listener: MachineListener): void {
    this.#listeners.delete(listener);
  }

  /** What was known is forgotten: a new rig reports everything again. */
  renew(): void {
    this.#held.clear();
    this.#changed.clear();
    this.#isWhole = false;
  }

  /** For good. */
  fail(error: StowageError): void {
    this.#failure = error;
    for (const listener of this.#listeners) listener.onFailure(error);
  }

  apply(objects: readonly Vim<'ObjectUpdate'>[], isTruncated: boolean): void {
    for (const object of objects) {
      const { type } = splitMoref(object.obj);
      if (type === 'VirtualMachine') this.#applyOne(object);
      else if (type === 'Folder' && object.kind === 'leave') return this.fail(folderGone(object.obj));
    }
    if (isTruncated) return;
    if (!this.#isWhole) {
      this.#isWhole = true;
      this.#changed.clear();
      this.#tell(this.#whole());
    } else if (this.#changed.size > 0) {
      const gone = [...this.#changed].filter((ref) => !this.#held.has(ref));
      const machines = [...this.#changed].flatMap((ref) => this.#machine(ref));
      this.#changed.clear();
      this.#tell({ isWhole: false, machines, gone });
    }
  }

  /** `enter` may come again for machines that are known: it is an upsert. */
  #applyOne({ kind, obj, changeSet }: Vim<'ObjectUpdate'>): void {
    if (kind === 'leave') {
      if (this.#held.delete(obj)) this.#changed.add(obj);
      return;
    }
    const known = this.#held.get(obj);
    const held: Held = known ?? { ref: obj };
    for (const { name, val } of changeSet ?? []) {
      if (!isWatched(name)) continue;
      const value = val === undefined ? undefined : parseProperty('VirtualMachine', name, val);
      if (JSON.stringify(held[name]) !== JSON.stringify(value)) this.#changed.add(obj);
      held[name] = value;
    }
    if (known === undefined) this.#changed.add(obj);
    this.#held.set(obj, held);
  }

  #machine(ref: Moref): readonly WatchedMachine[] {
    const held = this.#held.get(ref);
    // What is held went through parseProperty, property by property.
    return held === undefined ? [] : [watchedMachineOf(held as Parameters<typeof watchedMachineOf>[0])];
  }

  #whole(): MachinesChange {
    return { isWhole: true, machines: [...this.#held.keys()].flatMap((ref) => this.#machine(ref)), gone: [] };
  }

  #tell(change: MachinesChange): void {
    for (const listener of this.#listeners) listener.onChange(change);
  }
}

export function folderGone(folder: Moref): StowageError {
  return new StowageError('vcenter-not-found', `the watched ${folder} is gone`);
}
