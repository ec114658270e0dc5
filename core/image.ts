import type { DatastorePath, DiskUuid, JobId } from './ids.ts';
import type { JsonObject } from './job.ts';
import type { Digest, ImageReference } from './reference.ts';
import type { ImageState, LayerState } from './states.ts';
import type { Flag } from './volume.ts';

/** Where image layers and images lie, from the configuration. */
export interface ImageStore {
  /** A datastore's name. */
  readonly datastore: string;
  /** The folder below which `layers/` and `images/` are made; no slashes at its ends; may be empty. */
  readonly root: string;
}

/** Of which an index offers several: `linux/amd64`, `linux/arm/v7`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** One layer of an image, lowest first: the tar's digest, and the blob of which it was made. */
export interface ImageLayer {
  readonly diffId: Digest;
  readonly blob: { readonly digest: Digest; readonly sizeBytes: number; readonly mediaType: string };
}

/**
 * A name that an image has. The newest one of a name counts, should two images have it: `at` is a fencing token, that is a time in
 * microseconds by Redis' clock, so a name that moves needs one write only.
 */
export interface ImageName {
  readonly reference: ImageReference;
  readonly at: number;
}

/** What Stowage knows of one image. `name` is its id: the digest of its configuration. */
export interface ImageRecord {
  readonly type: 'image';
  readonly name: Digest;
  readonly state: ImageState;
  readonly names: readonly ImageName[];
  readonly layers: readonly ImageLayer[];
  /** The image configuration (OCI image-spec, config.md) as it was fetched: `config`, `history`, `rootfs`, `created`, … */
  readonly config: JsonObject;
  /** Of the manifest that was pulled first. */
  readonly manifest: { readonly digest: Digest; readonly mediaType: string; readonly sizeBytes: number };
  /** The regular files of all layers, as Docker counts. */
  readonly sizeBytes: number;
  readonly home: DatastorePath;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly job?: JobId;
  readonly flag?: Flag;
}

/** What Stowage knows of one layer. `name` is its diffID: the digest of its tar. */
export interface LayerRecord {
  readonly type: 'layer';
  readonly name: Digest;
  readonly state: LayerState;
  /** Where its directory is; its disk is named when it is available. */
  readonly home: DatastorePath;
  readonly disk?: { readonly path: DatastorePath; readonly uuid: DiskUuid; readonly sizeBytes: number };
  /** The blob from which it was made. */
  readonly blob: ImageLayer['blob'];
  /** Of its regular files, as Docker counts. */
  readonly sizeBytes: number;
  /** Directories that the layer does not list: they take their attributes from the layers below. */
  readonly impliedDirectories: readonly string[];
  /**
   * Pulls that want it and whose image may not be made yet: they count as long as they are open. It goes when no image lists it and no
   * pin counts.
   */
  readonly pins: readonly JobId[];
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly job?: JobId;
  readonly flag?: Flag;
}

export const LAYER_DOCUMENT = 'layer.json';
export const IMAGE_DOCUMENT = 'image.json';

/** `layer.json`, written last: a directory without it is half made. */
export interface LayerDocument {
  readonly stowage: 1;
  readonly state: 'available' | 'deleting';
  readonly diffId: Digest;
  readonly disk: { readonly path: DatastorePath; readonly uuid: DiskUuid; readonly sizeBytes: number };
  readonly blob: ImageLayer['blob'];
  readonly sizeBytes: number;
  readonly impliedDirectories: readonly string[];
  readonly createdAt: string;
  readonly job: JobId;
}

/** `image.json`, written last, beside `config.json` and `manifest.json` (the very bytes that were fetched). */
export interface ImageDocument {
  readonly stowage: 1;
  readonly state: 'available' | 'deleting';
  readonly id: Digest;
  readonly names: readonly ImageName[];
  readonly layers: readonly ImageLayer[];
  readonly manifest: ImageRecord['manifest'];
  readonly sizeBytes: number;
  readonly createdAt: string;
  readonly job: JobId;
}
