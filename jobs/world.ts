import type { ContainerWorld, RecoveryWorld } from '../core/container.ts';
import type { ImageStore, Platform } from '../core/image.ts';
import type { VolumeStore } from '../core/volume.ts';
import type { World } from './define.ts';

/** As the settings have it by default. */
const PATIENT: RecoveryWorld = { graceMs: 1_000, haWaitMs: 120_000, roomWaitMs: 1_800_000 };
const LINUX: Platform = { os: 'linux', architecture: 'amd64' };

/** The configuration as kinds see it. */
export function createWorld(config: {
  readonly volumeStores: readonly VolumeStore[];
  readonly images?: { readonly store?: ImageStore; readonly platform?: Platform };
  readonly containers?: ContainerWorld;
  readonly recovery?: RecoveryWorld;
}): World {
  const { volumeStores, images, containers, recovery = PATIENT } = config;
  return {
    stores: new Map(volumeStores.map((store) => [store.name, store])),
    ...(images?.store === undefined ? {} : { imageStore: images.store }),
    platform: images?.platform ?? LINUX,
    ...(containers === undefined ? {} : { containers }),
    recovery,
  };
}
