// Docker image manifest V2 schema 2, and OCI image-spec 1.1.

const INDEX_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]);
const SCHEMA_1_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
]);
const CONFIG_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);
const LAYER_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd',
]);

/** Schema 1 too, so that a registry that has nothing else says so instead of "not found". */
export const ACCEPT_MANIFESTS = [...INDEX_TYPES, ...MANIFEST_TYPES, ...SCHEMA_1_TYPES].join(', ');

export type DocumentShape = 'index' | 'manifest' | 'schema-1';

/** Without its parameters. */
export function bareType(mediaType: string): string {
  return mediaType.replace(/;.*$/, '').trim().toLowerCase();
}

export function shapeOf(mediaType: string): DocumentShape | undefined {
  if (INDEX_TYPES.has(mediaType)) return 'index';
  if (MANIFEST_TYPES.has(mediaType)) return 'manifest';
  return SCHEMA_1_TYPES.has(mediaType) ? 'schema-1' : undefined;
}

export function isImageConfig(mediaType: string): boolean {
  return CONFIG_TYPES.has(mediaType);
}

export function isLayer(mediaType: string): boolean {
  return LAYER_TYPES.has(mediaType);
}

/** A layer that lies elsewhere and may not be copied: those of Windows' base images. */
export function isForeignLayer(mediaType: string): boolean {
  return /\.foreign\.|\.nondistributable\./.test(mediaType);
}
