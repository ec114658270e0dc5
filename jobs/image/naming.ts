import { StowageError } from '../../core/errors.ts';
import type { ImageName, ImageRecord } from '../../core/image.ts';
import {
  canonicalReference,
  familiarReference,
  hexOf,
  type ImageReference,
  parseDigest,
  parseReference,
  partsOf,
} from '../../core/reference.ts';

// Which image a name stands for. Two images may have one name for a moment: the newest one counts.

const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/** An image with the names that are its own now, in both of Docker's lists. */
export interface NamedImage {
  readonly record: ImageRecord;
  readonly tags: readonly ImageReference[];
  readonly digests: readonly ImageReference[];
}

/** `reference` is the name by which it was found; absent when that was its id. */
export interface FoundImage {
  readonly image: NamedImage;
  readonly reference?: ImageReference;
}

export interface ImageIndex {
  /** Newest first. */
  readonly images: readonly NamedImage[];
  /**
   * By `name[:tag]`, `name@digest`, the whole id or its beginning.
   *
   * @throws StowageError `image-not-found`, `request-invalid` when several ids begin so, `reference-invalid`
   */
  find(text: string): FoundImage;
}

/** Images that are there: what is being pulled or removed is not shown. */
export function indexImages(records: readonly ImageRecord[]): ImageIndex {
  const available = records.filter((record) => record.state === 'available');
  const owners = ownersOf(available);
  const images = available.map((record) => nameImage(record, owners)).sort(byCreationDescending);
  const byId = new Map(images.map((image) => [image.record.name, image]));
  return {
    images,
    find(text) {
      const reference = referenceIn(text);
      const owner = reference === undefined ? undefined : owners.get(reference);
      const named = owner === undefined ? undefined : byId.get(owner.record.name);
      if (named !== undefined && reference !== undefined) return { image: named, reference };
      const image = findById(images, text);
      if (image !== undefined) return { image };
      throw new StowageError('image-not-found', `No such image: ${shown(text, reference)}`);
    },
  };
}

interface Owner {
  readonly record: ImageRecord;
  readonly at: number;
}

function ownersOf(records: readonly ImageRecord[]): ReadonlyMap<ImageReference, Owner> {
  const owners = new Map<ImageReference, Owner>();
  for (const record of records) {
    for (const { reference, at } of record.names) {
      const owner = owners.get(reference);
      if (owner === undefined || owner.at < at) owners.set(reference, { record, at });
    }
  }
  return owners;
}

function nameImage(record: ImageRecord, owners: ReadonlyMap<ImageReference, Owner>): NamedImage {
  const own = record.names.filter(({ reference }: ImageName) => owners.get(reference)?.record.name === record.name);
  const references = [...new Set(own.map(({ reference }) => reference))].sort();
  return {
    record,
    tags: references.filter((reference) => partsOf(reference).digest === undefined),
    digests: references.filter((reference) => partsOf(reference).digest !== undefined),
  };
}

/** When the image was built, as its configuration has it; not when it was pulled. */
export function builtAtMs(record: ImageRecord): number {
  const { created } = record.config;
  const builtMs = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  return Number.isNaN(builtMs) ? 0 : builtMs;
}

function byCreationDescending(a: NamedImage, b: NamedImage): number {
  return builtAtMs(b.record) - builtAtMs(a.record) || (a.record.name < b.record.name ? -1 : 1);
}

/** undefined: an id. @throws `reference-invalid` */
function referenceIn(text: string): ImageReference | undefined {
  if (parseDigest(text) !== undefined) return undefined;
  const parts = parseReference(text);
  if (typeof parts !== 'string') return canonicalReference(parts);
  if (ID_PREFIX.test(text)) return undefined;
  throw new StowageError('reference-invalid', `invalid reference format: ${parts}`);
}

function findById(images: readonly NamedImage[], text: string): NamedImage | undefined {
  const prefix = ID_PREFIX.exec(text)?.[1];
  if (prefix === undefined) return undefined;
  const found = images.filter(({ record }) => hexOf(record.name).startsWith(prefix));
  if (found.length > 1)
    throw new StowageError('request-invalid', `multiple IDs found with provided prefix: ${text} (${found.length})`);
  return found[0];
}

/** As dockerd says it: with the tag that was meant. */
function shown(text: string, reference: ImageReference | undefined): string {
  return reference === undefined ? text : familiarReference(reference);
}
