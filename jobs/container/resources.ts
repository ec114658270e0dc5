import type { ResourceKey } from '../../core/ids.ts';
import { volumeLine } from '../volume/volume-of.ts';
import type { OnContainer } from './payloads.ts';
import { containerLine } from './place.ts';

/** The container, and each volume that it has as a device. */
export function resourcesOf({ id, volumes = [] }: OnContainer): readonly ResourceKey[] {
  return id === undefined ? [] : [containerLine(id), ...volumes.map(volumeLine)];
}
