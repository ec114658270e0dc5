import type { ContainerWorld } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import {
  type ContainerId,
  type ContainerName,
  type DatastorePath,
  datastorePath,
  resourceKey,
  type ResourceKey,
} from '../../core/ids.ts';
import type { World } from '../define.ts';
import { within } from '../volume/place.ts';

// Where things of containers lie: `<root>/containers/<id>/`, with the machine's files and the scratch disk.

export const containerLine = (id: ContainerId): ResourceKey => resourceKey('container', id);
export const nameLine = (name: ContainerName): ResourceKey => resourceKey('container-name', name);

/** @throws `operation-unsupported` when there is no place for containers */
export function containersOf({ containers }: Pick<World, 'containers'>): ContainerWorld {
  if (containers !== undefined) return containers;
  throw new StowageError('operation-unsupported', 'there is no place for containers: set STOWAGE_CONTAINER_STORE');
}

export function containersFolder({ store }: ContainerWorld): DatastorePath {
  return within(datastorePath(store.datastore, store.root), 'containers');
}

export function containerHome(world: ContainerWorld, id: ContainerId): DatastorePath {
  return within(containersFolder(world), id);
}

export const vmxPathOf = (home: DatastorePath, id: ContainerId): DatastorePath => within(home, `${id}.vmx`);
export const scratchPathOf = (home: DatastorePath): DatastorePath => within(home, 'scratch.vmdk');
