import type { ContainerWorld } from '../core/container.ts';
import type { ImageStore, Platform } from '../core/image.ts';
import type { VolumeStore } from '../core/volume.ts';
import type { World } from './define.ts';

const LINUX: Platform = { os: 'linux', architecture: 'amd64' };

/** The configuration as kinds see it. */
export function createWorld(config: {
  readonly volumeStores: readonly VolumeStore[];
  readonly images?: { readonly store?: ImageStore; readonly platform?: Platform };
  readonly containers?: ContainerWorld;
}): World {
  const { volumeStores, images, containers } = config;
  return {
    stores: new Map(volumeStores.map((store) => [store.name, store])),
    ...(images?.store === undefined ? {} : { imageStore: images.store }),
    platform: images?.platform ?? LINUX,
    ...(containers === undefined ? {} : { containers }),
  };
}
