import type { ContainerRecord } from '../../core/container.ts';
import type { ContainerId } from '../../core/ids.ts';
import type { ImageRecord, LayerRecord } from '../../core/image.ts';
import { type Digest, familiarReference } from '../../core/reference.ts';
import { configurationOf, type HistoryRow, labelsOf } from '../../jobs/image/configuration.ts';
import { builtAtMs, type NamedImage } from '../../jobs/image/naming.ts';

/** Go's zero time: what dockerd shows where the configuration has none. */
const NO_TIME = '0001-01-01T00:00:00Z';
const UNTAGGED = '<none>:<none>';

export interface SummaryOptions {
  readonly minor: number;
  readonly withManifests: boolean;
  /** Of the layers that other images have, too; -1: not asked for. */
  readonly sharedBytes: number;
  /** The ids of those that have it, in any state. */
  readonly containers: readonly ContainerId[];
}

/** By image, the containers that have it. */
export function groupByImage(containers: readonly ContainerRecord[]): ReadonlyMap<Digest, readonly ContainerId[]> {
  const users = new Map<Digest, ContainerId[]>();
  for (const { name, spec } of containers) {
    const known = users.get(spec.image);
    if (known === undefined) users.set(spec.image, [name]);
    else known.push(name);
  }
  return users;
}

/** A row of `GET /images/json`. */
export function renderSummary(
  image: NamedImage,
  { minor, withManifests, sharedBytes, containers }: SummaryOptions,
): object {
  const { record } = image;
  const { tags, digests } = namesOf(image, minor);
  return {
    Id: record.name,
    ParentId: '',
    RepoTags: tags,
    RepoDigests: digests,
    Created: Math.floor(builtAtMs(record) / 1_000),
    Size: record.sizeBytes,
    ...(minor < 44 ? { VirtualSize: record.sizeBytes } : {}),
    SharedSize: sharedBytes,
    Labels: labelsOf(record),
    Containers: containers.length,
    ...(minor >= 48 ? { Descriptor: descriptorOf(record) } : {}),
    ...(withManifests ? { Manifests: [manifestOf(record, containers)] } : {}),
  };
}

function namesOf(
  { tags, digests }: NamedImage,
  minor: number,
): { readonly tags: readonly string[]; readonly digests: readonly string[] } {
  // Clients before 1.43 take an empty list for an image without a row.
  if (minor < 43 && tags.length === 0 && digests.length === 0) return { tags: [UNTAGGED], digests: ['<none>@<none>'] };
  return { tags: tags.map(familiarReference), digests: digests.map(familiarReference) };
}

function descriptorOf({ manifest }: ImageRecord): object {
  return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.sizeBytes };
}

/** The one manifest that is there; those of other platforms in an index were never fetched. */
function manifestOf(record: ImageRecord, containers: readonly ContainerId[]): object {
  const { architecture, os, variant } = configurationOf(record);
  return {
    ID: record.manifest.digest,
    Descriptor: descriptorOf(record),
    Available: true,
    // Blobs are not kept: layers are disks.
    Size: { Content: 0, Total: record.sizeBytes },
    Kind: 'image',
    ImageData: {
      Platform: { architecture, os, ...(variant === undefined ? {} : { variant }) },
      Containers: containers,
      Size: { Unpacked: record.sizeBytes },
    },
  };
}

/** The body of `GET /images/{name}/json`. */
export function renderImage(image: NamedImage, minor: number): object {
  const { record } = image;
  const { created, author, architecture, variant, os, docker_version, comment, config } = configurationOf(record);
  const lastTaggedMs = Math.max(0, ...record.names.map(({ at }) => at / 1_000));
  return {
    Id: record.name,
    RepoTags: image.tags.map(familiarReference),
    RepoDigests: image.digests.map(familiarReference),
    Parent: '',
    Comment: comment,
    Created: created ?? NO_TIME,
    DockerVersion: docker_version,
    Author: author,
    Config: config,
    Architecture: architecture,
    ...(variant === undefined ? {} : { Variant: variant }),
    Os: os,
    Size: record.sizeBytes,
    ...(minor < 44 ? { VirtualSize: record.sizeBytes } : {}),
    GraphDriver: { Name: 'vsphere', Data: { Home: record.home } },
    RootFS: { Type: 'layers', Layers: record.layers.map(({ diffId }) => diffId) },
    Metadata: { LastTagTime: lastTaggedMs === 0 ? NO_TIME : new Date(lastTaggedMs).toISOString() },
    ...(minor >= 48 ? { Descriptor: descriptorOf(record) } : {}),
  };
}

export type LayerSizes = ReadonlyMap<Digest, number>;

export function sizesOf(layers: readonly LayerRecord[]): LayerSizes {
  return new Map(layers.map(({ name, sizeBytes }) => [name, sizeBytes]));
}

/** The body of `GET /images/{name}/history`: newest row first; a row without a layer has size 0. */
export function renderHistory(image: NamedImage, sizes: LayerSizes): readonly object[] {
  const { record } = image;
  const { history } = configurationOf(record);
  const rows: readonly HistoryRow[] = history.length > 0 ? history : record.layers.map(() => ({}));
  const layers = [...record.layers];
  const rendered = rows.map((row, at) => {
    const isTop = at === rows.length - 1;
    const layer = row.empty_layer === true ? undefined : layers.shift();
    const builtMs = Date.parse(row.created ?? '');
    return {
      Id: isTop ? record.name : '<missing>',
      Created: Number.isNaN(builtMs) ? 0 : Math.floor(builtMs / 1_000),
      CreatedBy: row.created_by ?? '',
      Tags: isTop && image.tags.length > 0 ? image.tags.map(familiarReference) : null,
      Size: layer === undefined ? 0 : (sizes.get(layer.diffId) ?? 0),
      Comment: row.comment ?? '',
    };
  });
  return rendered.toReversed();
}

/** For each image, the bytes of its layers that other images have, too. */
export function sharedBytes(images: readonly NamedImage[], sizes: LayerSizes): ReadonlyMap<Digest, number> {
  const users = new Map<Digest, number>();
  const layersOf = ({ record }: NamedImage) => new Set(record.layers.map(({ diffId }) => diffId));
  for (const image of images) {
    for (const diffId of layersOf(image)) users.set(diffId, (users.get(diffId) ?? 0) + 1);
  }
  return new Map(
    images.map((image) => {
      const shared = [...layersOf(image)].filter((diffId) => (users.get(diffId) ?? 0) > 1);
      return [image.record.name, shared.reduce((sum, diffId) => sum + (sizes.get(diffId) ?? 0), 0)];
    }),
  );
}
