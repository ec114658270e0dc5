import { StowageError } from '../../core/errors.ts';
import { type DatastorePath, datastorePath, resourceKey, type ResourceKey } from '../../core/ids.ts';
import { IMAGE_DOCUMENT, type ImageStore, LAYER_DOCUMENT } from '../../core/image.ts';
import { type Digest, hexOf } from '../../core/reference.ts';
import type { World } from '../define.ts';
import { within } from '../volume/place.ts';

// Where things of images lie: `<root>/layers/<diffID>/` and `<root>/images/<id>/`, by the 64 digits of the digest.

export const layerLine = (diffId: Digest): ResourceKey => resourceKey('layer', diffId);
export const imageLine = (id: Digest): ResourceKey => resourceKey('image', id);

/** @throws `operation-unsupported` when none is configured */
export function imageStoreOf({ imageStore }: Pick<World, 'imageStore'>): ImageStore {
  if (imageStore !== undefined) return imageStore;
  throw new StowageError(
    'operation-unsupported',
    'there is no image store: set STOWAGE_IMAGE_STORE, since the volume store "default" is a datastore cluster',
  );
}

export function layersFolder(store: ImageStore): DatastorePath {
  return within(datastorePath(store.datastore, store.root), 'layers');
}

export function imagesFolder(store: ImageStore): DatastorePath {
  return within(datastorePath(store.datastore, store.root), 'images');
}

export function layerHome(store: ImageStore, diffId: Digest): DatastorePath {
  return within(layersFolder(store), hexOf(diffId));
}

export function imageHome(store: ImageStore, id: Digest): DatastorePath {
  return within(imagesFolder(store), hexOf(id));
}

export const layerDocumentPath = (home: DatastorePath): DatastorePath => within(home, LAYER_DOCUMENT);
export const imageDocumentPath = (home: DatastorePath): DatastorePath => within(home, IMAGE_DOCUMENT);
export const configPath = (home: DatastorePath): DatastorePath => within(home, 'config.json');
export const manifestPath = (home: DatastorePath): DatastorePath => within(home, 'manifest.json');

/**
 * A layer's disk: descriptor and extent. Each claim has names of its own, so that a worker which has lost the claim can write to no file
 * that anybody uses.
 */
export function layerDiskPaths(
  home: DatastorePath,
  epoch: number,
): { readonly disk: DatastorePath; readonly extent: DatastorePath } {
  const name = `layer-${epoch.toString(36)}`;
  return { disk: within(home, `${name}.vmdk`), extent: within(home, `${name}-flat.vmdk`) };
}
