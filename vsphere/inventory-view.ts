import type { HostConnection } from '../core/host.ts';
import { type Moref, splitMoref } from '../core/ids.ts';
import type { DatastoreFacts, HostFacts, InventorySnapshot } from '../core/ports/data-centre.ts';
import { parseProperty } from './properties.ts';
import type { ManagedType } from './schema/table.ts';
import type { Properties, PropertyPath, Vim } from './schema/vim.ts';

// Hosts and datastores, kept from property updates.

/** What is watched. Clusters and pods are there for their names. */
export const WATCHED = {
  HostSystem: [
    'name',
    'parent',
    'runtime.connectionState',
    'runtime.inMaintenanceMode',
    'runtime.powerState',
    'summary.hardware.cpuMhz',
    'summary.hardware.numCpuCores',
    'summary.hardware.memorySize',
  ],
  Datastore: ['name', 'parent', 'summary'],
  StoragePod: ['name'],
  ComputeResource: ['name'],
} as const satisfies Partial<{ [T in ManagedType]: readonly PropertyPath<T>[] }>;

type WatchedType = keyof typeof WATCHED;
type Held<T extends WatchedType> = Properties<T, PropertyPath<T>>;

/** `ClusterComputeResource` is a ComputeResource, and so on: the watched type that an object counts as. */
function watchedType(ref: Moref): WatchedType | undefined {
  const { type } = splitMoref(ref);
  if (type === 'HostSystem' || type === 'Datastore' || type === 'StoragePod') return type;
  return type.endsWith('ComputeResource') ? 'ComputeResource' : undefined;
}

const CONNECTIONS: Readonly<Record<string, HostConnection>> = {
  connected: 'connected',
  disconnected: 'disconnected',
  notResponding: 'not-responding',
};

function isSameButFigures(before: unknown, after: unknown): boolean {
  const words = (value: unknown): string =>
    JSON.stringify(value, (key, part) => (key === 'freeSpace' ? '' : part)) ?? '';
  return words(before) === words(after);
}

export class InventoryView {
  readonly #objects = new Map<Moref, Record<string, unknown>>();

  /**
   * `enter` may come again for objects that are known: it is an upsert.
   * @returns whether more than figures have changed: a datastore's free space does with every file that is written
   */
  apply(update: Vim<'ObjectUpdate'>): boolean {
    const type = watchedType(update.obj);
    if (type === undefined) return false;
    if (update.kind === 'leave') return this.#objects.delete(update.obj);
    const known = this.#objects.get(update.obj);
    const held = known ?? {};
    let isNews = known === undefined;
    for (const { name, val } of update.changeSet ?? []) {
      const value = val === undefined ? undefined : parseProperty(type, name, val);
      isNews ||= !isSameButFigures(held[name], value);
      held[name] = value;
    }
    this.#objects.set(update.obj, held);
    return isNews;
  }

  snapshot(): InventorySnapshot {
    const byName = (a: { readonly name: string }, b: { readonly name: string }): number => a.name.localeCompare(b.name);
    return {
      hosts: this.#all('HostSystem')
        .map(([ref, held]) => this.#host(ref, held))
        .sort(byName),
      datastores: this.#all('Datastore')
        .map(([ref, held]) => this.#datastore(ref, held))
        .sort(byName),
    };
  }

  #all<T extends WatchedType>(type: T): readonly (readonly [Moref, Held<T>])[] {
    const found: (readonly [Moref, Held<T>])[] = [];
    for (const [ref, held] of this.#objects) if (watchedType(ref) === type) found.push([ref, held as Held<T>]);
    return found;
  }

  #nameOf(ref: Moref | undefined, type: WatchedType): string | undefined {
    if (ref === undefined || watchedType(ref) !== type) return undefined;
    const name = this.#objects.get(ref)?.['name'];
    return typeof name === 'string' ? name : undefined;
  }

  #host(ref: Moref, held: Held<'HostSystem'>): HostFacts {
    const cluster = this.#nameOf(held.parent, 'ComputeResource');
    const cpuCores = held['summary.hardware.numCpuCores'];
    return {
      ref,
      name: held.name ?? ref,
      connection: CONNECTIONS[held['runtime.connectionState'] ?? ''] ?? 'not-responding',
      inMaintenance: held['runtime.inMaintenanceMode'] ?? false,
      poweredOn: held['runtime.powerState'] === 'poweredOn',
      ...(cluster === undefined ? {} : { cluster }),
      cpuMhz: (held['summary.hardware.cpuMhz'] ?? 0) * (cpuCores ?? 0),
      ...(cpuCores === undefined ? {} : { cpuCores }),
      memoryBytes: held['summary.hardware.memorySize'] ?? 0,
    };
  }

  #datastore(ref: Moref, held: Held<'Datastore'>): DatastoreFacts {
    const pod = this.#nameOf(held.parent, 'StoragePod');
    return {
      ref,
      name: held.name ?? ref,
      kind: held.summary?.type ?? '',
      ...(pod === undefined ? {} : { pod }),
      capacityBytes: held.summary?.capacity ?? 0,
      freeBytes: held.summary?.freeSpace ?? 0,
      accessible: held.summary?.accessible ?? false,
    };
  }
}
