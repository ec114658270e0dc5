import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, gzip, zstdCompress } from 'node:zlib';
import { SAMPLE_TIME_S, type TarEntry, writeTar } from './tar.ts';

const gzipped = promisify(gzip);
const zstandard = promisify(zstdCompress);

export type ManifestFormat = 'docker' | 'oci';
export type Compression = 'gzip' | 'zstd' | 'none';

/** Something a registry keeps. Its bytes may lie in a file. */
export interface ImageBlob {
  readonly mediaType: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly sizeBytes: number;
  /** Where else it is to be had: a foreign layer, which is not pushed. */
  readonly urls?: readonly string[];
  bytes(): Promise<Uint8Array>;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Image {
  readonly manifest: ImageBlob;
  readonly config: ImageBlob;
  readonly layers: readonly ImageBlob[];
  readonly platform: Platform;
}

/** An OCI index or a Docker manifest list. */
export interface ImageIndex {
  readonly manifest: ImageBlob;
  readonly images: readonly Image[];
}

/** A layer whose blob is served as it is, with whatever the manifest and the configuration are to claim of it. */
export interface RawLayer {
  readonly blob: Uint8Array;
  /** What `rootfs.diff_ids` says. */
  readonly diffId: string;
  /** Default: that of the image's format and compression. */
  readonly mediaType?: string;
  readonly urls?: readonly string[];
}

/**
 * What a layer is made of: entries, a finished tar, or a finished blob. A function is called when the layer's turn comes, so
 * that not all layers are in memory at once.
 */
export type LayerSource = readonly TarEntry[] | Uint8Array | RawLayer | (() => readonly TarEntry[]);

export interface HistoryEntry {
  /** As Docker writes it, e.g. `/bin/sh -c #(nop)  CMD ["sh"]`. */
  readonly createdBy: string;
  readonly isEmptyLayer?: boolean;
}

export interface ImageSpec {
  /** The lowest first. */
  readonly layers: readonly LayerSource[];
  /** The `config` of the configuration, in Docker's words: Cmd, Env, … */
  readonly config: Readonly<Record<string, unknown>>;
  /** The oldest first. */
  readonly history: readonly HistoryEntry[];
  readonly format: ManifestFormat;
  readonly compression: Compression;
  /** Default: linux, on this machine's architecture. */
  readonly platform?: Platform;
}

export const MACHINE_PLATFORM: Platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

const MEDIA_TYPES = {
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: {
      gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
      none: 'application/vnd.docker.image.rootfs.diff.tar',
    },
  },
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: {
      gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
      zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
      none: 'application/vnd.oci.image.layer.v1.tar',
    },
  },
} as const;

/** Whether a manifest of this type lists manifests and not layers. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.docker.index || mediaType === MEDIA_TYPES.oci.index;
}

/** The same specification gives the same bytes. */
export async function image(spec: ImageSpec): Promise<Image> {
  const types = MEDIA_TYPES[spec.format];
  const layers: ImageBlob[] = [];
  const diffIds: string[] = [];
  for (const source of spec.layers) {
    const layer = await rawLayer(source, spec.compression);
    const { mediaType = types.layer[spec.compression], urls } = layer;
    layers.push({ ...blobOf(mediaType, layer.blob), ...(urls === undefined ? {} : { urls }) });
    diffIds.push(layer.diffId);
  }
  const platform = spec.platform ?? MACHINE_PLATFORM;
  const config = jsonBlob(types.config, configuration(spec, { platform, diffIds }));
  const manifest = jsonBlob(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptor(config),
    layers: layers.map((layer) => descriptor(layer)),
  });
  return { manifest, config, layers, platform };
}

/** One name for images of several platforms. */
export function imageIndex(images: readonly Image[], format: ManifestFormat): ImageIndex {
  const mediaType = MEDIA_TYPES[format].index;
  const manifests = images.map(({ manifest, platform }) => ({ ...descriptor(manifest), platform }));
  return { manifest: jsonBlob(mediaType, { schemaVersion: 2, mediaType, manifests }), images };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export async function compress(tar: Uint8Array, compression: Compression): Promise<Uint8Array> {
  switch (compression) {
    case 'gzip':
      return gzipped(tar);
    case 'zstd':
      return zstandard(tar, { params: { [constants.ZSTD_c_compressionLevel]: 3 } });
    case 'none':
      return tar;
  }
}

async function rawLayer(source: LayerSource, compression: Compression): Promise<RawLayer> {
  if ('blob' in source) return source;
  const tar = source instanceof Uint8Array ? source : writeTar(typeof source === 'function' ? source() : source);
  return { blob: await compress(tar, compression), diffId: digestOf(tar) };
}

/** In the order of Docker's own: the keys are sorted. */
function configuration(spec: ImageSpec, { platform, diffIds }: { platform: Platform; diffIds: readonly string[] }) {
  const timeOf = (index: number): string => new Date((SAMPLE_TIME_S + index) * 1000).toISOString();
  return {
    architecture: platform.architecture,
    config: spec.config,
    created: timeOf(Math.max(0, spec.history.length - 1)),
    history: spec.history.map(({ createdBy, isEmptyLayer }, index) => ({
      created: timeOf(index),
      created_by: createdBy,
      ...(isEmptyLayer ? { empty_layer: true } : {}),
    })),
    os: platform.os,
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
  };
}

function descriptor({ mediaType, sizeBytes, digest, urls }: ImageBlob) {
  return { mediaType, size: sizeBytes, digest, ...(urls === undefined ? {} : { urls }) };
}

function jsonBlob(mediaType: string, value: object): ImageBlob {
  return blobOf(mediaType, Buffer.from(JSON.stringify(value)));
}

function blobOf(mediaType: string, content: Uint8Array): ImageBlob {
  return { mediaType, digest: digestOf(content), sizeBytes: content.length, bytes: () => Promise.resolve(content) };
}
