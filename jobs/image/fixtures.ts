import { createHash } from 'node:crypto';
import { datastorePath } from '../../core/ids.ts';
import type { ImageName, ImageRecord, LayerRecord } from '../../core/image.ts';
import { canonicalReference, type Digest, parseDigest, parseReference } from '../../core/reference.ts';

// Records of images for tests, as a pull would have left them.

export function digestOf(text: string): Digest {
  const digest = parseDigest(`sha256:${createHash('sha256').update(text).digest('hex')}`);
  if (digest === undefined) throw new TypeError('not a digest');
  return digest;
}

export function nameOf(text: string, at = 1): ImageName {
  const parts = parseReference(text);
  if (typeof parts === 'string') throw new TypeError(parts);
  return { reference: canonicalReference(parts), at };
}

interface ImageSpec {
  readonly seed: string;
  readonly names: readonly ImageName[];
  readonly layers?: readonly string[];
  readonly created?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly history?: ImageRecord['config'][string];
  readonly sizeBytes?: number;
}

export function imageRecord(spec: ImageSpec): ImageRecord {
  const { seed, names, layers = [seed], created = '2026-01-02T03:04:05Z', labels, history, sizeBytes = 1_000 } = spec;
  return {
    type: 'image',
    name: digestOf(`config ${seed}`),
    state: 'available',
    names,
    layers: layers.map(layerOf),
    config: {
      created,
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['sh'], ...(labels === undefined ? {} : { Labels: { ...labels } }) },
      history: history ?? layers.map((layer) => ({ created, created_by: `add ${layer}` })),
    },
    manifest: {
      digest: digestOf(`manifest ${seed}`),
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      sizeBytes: 500,
    },
    sizeBytes,
    home: datastorePath('ds1', `stowage/images/${seed}`),
    createdAt: '2026-11-24T09:00:00.000Z',
    updatedAt: '2026-11-24T09:00:00.000Z',
  };
}

export function layerOf(seed: string): ImageRecord['layers'][number] {
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  return { diffId: digestOf(`layer ${seed}`), blob: { digest: digestOf(`blob ${seed}`), sizeBytes: 400, mediaType } };
}

export function layerRecord(seed: string, sizeBytes: number): LayerRecord {
  const { diffId, blob } = layerOf(seed);
  const when = { createdAt: '2026-11-24T09:00:00.000Z', updatedAt: '2026-11-24T09:00:00.000Z' };
  const home = datastorePath('ds1', `stowage/layers/${seed}`);
  return {
    type: 'layer',
    name: diffId,
    state: 'available',
    home,
    blob,
    sizeBytes,
    impliedDirectories: [],
    pins: [],
    ...when,
  };
}
