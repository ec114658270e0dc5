import type { ContainerWorld, GuestWorld, RecoveryWorld } from '../core/container.ts';
import { guestSecretOf } from '../core/guest.ts';
import { datastorePath } from '../core/ids.ts';
import type { ImageStore, Platform } from '../core/image.ts';
import type { VolumeStore } from '../core/volume.ts';
import type { World } from './define.ts';

/** As the settings have it by default. */
const PATIENT: RecoveryWorld = { graceMs: 1_000, haWaitMs: 120_000, roomWaitMs: 1_800_000 };
const GUEST_WAIT_MS = 180_000;
const LINUX: Platform = { os: 'linux', architecture: 'amd64' };

interface WorldConfig {
  readonly volumeStores: readonly VolumeStore[];
  readonly images?: { readonly store?: ImageStore; readonly platform?: Platform };
  readonly containers?: Omit<ContainerWorld, 'guest'> & {
    readonly guestImage?: { readonly datastore: string; readonly root: string };
  };
  readonly recovery?: RecoveryWorld;
  /** Guests are reached where hosts know what to dial. */
  readonly gateway?: { readonly key: { reveal(): string }; readonly uri?: string; readonly guestWaitMs?: number };
}

/** The configuration as kinds see it. */
export function createWorld(config: WorldConfig): World {
  const { volumeStores, images, recovery = PATIENT } = config;
  const containers = containersOf(config);
  return {
    stores: new Map(volumeStores.map((store) => [store.name, store])),
    ...(images?.store === undefined ? {} : { imageStore: images.store }),
    platform: images?.platform ?? LINUX,
    ...(containers === undefined ? {} : { containers }),
    recovery,
  };
}

function containersOf({ containers, gateway }: WorldConfig): ContainerWorld | undefined {
  if (containers === undefined) return undefined;
  const { guestImage, ...world } = containers;
  if (gateway?.uri === undefined) return world;
  const key = gateway.key.reveal();
  const guest: GuestWorld = {
    uri: gateway.uri,
    waitMs: gateway.guestWaitMs ?? GUEST_WAIT_MS,
    ...(guestImage === undefined ? {} : { image: datastorePath(guestImage.datastore, guestImage.root) }),
    secretOf: (container) => guestSecretOf(key, container),
  };
  return { ...world, guest };
}
