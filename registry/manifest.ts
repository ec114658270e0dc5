import { createHash } from 'node:crypto';
import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import type { ImageLayer, Platform } from '../core/image.ts';
import type { FetchedDocument } from '../core/ports/registry.ts';
import { type Digest, parseDigest } from '../core/reference.ts';
import { parseJson } from './credentials.ts';
import { bareType, type DocumentShape, isForeignLayer, isImageConfig, isLayer, shapeOf } from './media-types.ts';
import { distanceOf, platformText } from './platform.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** What a manifest or index is about, for errors: `team/app:1.2 at registry.example`. */
export type Subject = string;

const RawPlatform = z
  .object({ os: z.string(), architecture: z.string(), variant: z.string().optional() })
  .transform(({ os, architecture, variant }): Platform => ({ os, architecture, ...(variant ? { variant } : {}) }));
const RawDescriptor = z.object({
  mediaType: z.string().transform(bareType),
  digest: z.string(),
  size: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
});
const RawIndex = z.object({ manifests: z.array(RawDescriptor.extend({ platform: RawPlatform.optional() })) });
const RawManifest = z.object({ config: RawDescriptor, layers: z.array(RawDescriptor) });
const RawConfig = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  variant: z.string().optional(),
  rootfs: z.object({ type: z.string(), diff_ids: z.array(z.string()).nullish() }),
});
const Shape = z.object({
  schemaVersion: z.number().optional(),
  mediaType: z.string().optional(),
  layers: z.unknown().optional(),
  manifests: z.unknown().optional(),
});

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
}

function invalid(subject: Subject, problem: string): StowageError {
  return new StowageError('image-invalid', `${subject}: ${problem}`);
}

function unsupported(subject: Subject, problem: string): StowageError {
  return new StowageError('image-unsupported', `${subject}: ${problem}`);
}

/** Its digest is that of the bytes; what the registry says of the digest in a header is not asked. */
export function readDocument(
  bytes: Uint8Array,
  contentType: string,
  subject: Subject,
): { readonly document: FetchedDocument; readonly shape: Exclude<DocumentShape, 'schema-1'> } {
  const parsed = Shape.safeParse(parseJson(Buffer.from(bytes).toString('utf8')));
  if (!parsed.success) throw invalid(subject, 'what the registry gave as its manifest is not one');
  const { schemaVersion, mediaType, layers, manifests } = parsed.data;
  // A document that is both would be another image to another reader (CVE-2021-41190).
  if (layers !== undefined && manifests !== undefined) throw invalid(subject, 'it is a manifest and an index at once');
  const said = bareType(contentType);
  const own = mediaType === undefined ? '' : bareType(mediaType);
  if (own !== '' && shapeOf(said) !== undefined && own !== said) {
    throw invalid(subject, `the registry calls its manifest ${said}, and it calls itself ${own}`);
  }
  const type = own || said;
  const shape = shapeOf(type) ?? (schemaVersion === 1 ? 'schema-1' : undefined);
  if (shape === 'schema-1' || schemaVersion === 1) {
    throw unsupported(
      subject,
      "it is in Docker's schema 1 format of 2015, which is not taken: push it again with a current Docker, or pull a newer tag",
    );
  }
  if (shape === undefined) throw unsupported(subject, `its manifest has the unknown type ${type || '(none)'}`);
  return { document: { digest: digestOf(bytes), mediaType: type, bytes }, shape };
}

function descriptorOf(raw: z.infer<typeof RawDescriptor>, subject: Subject): Descriptor {
  const digest = parseDigest(raw.digest);
  if (digest !== undefined) return { mediaType: raw.mediaType, digest, sizeBytes: raw.size };
  if (/^sha(?:384|512):/.test(raw.digest)) throw unsupported(subject, 'it uses digests other than SHA-256');
  throw invalid(subject, 'its manifest has something that is no digest where one is due');
}

/** The manifest for the platform. @throws `image-unsupported` with the platforms that there are */
export function chooseManifest(document: FetchedDocument, platform: Platform, subject: Subject): Descriptor {
  const parsed = RawIndex.safeParse(parseJson(Buffer.from(document.bytes).toString('utf8')));
  if (!parsed.success) throw invalid(subject, 'its index cannot be read');
  const offers = parsed.data.manifests.filter((each) => shapeOf(each.mediaType) !== undefined);
  const ranked = offers
    .map((each) => ({ each, distance: each.platform === undefined ? undefined : distanceOf(platform, each.platform) }))
    .filter((offer) => offer.distance !== undefined)
    .sort((a, b) => (a.distance ?? 0) - (b.distance ?? 0));
  // One that does not say is judged by its configuration.
  const silent = offers.filter((each) => each.platform === undefined);
  const chosen = ranked[0]?.each ?? (silent.length === 1 ? silent[0] : undefined);
  if (chosen !== undefined) return descriptorOf(chosen, subject);
  const there = offers.flatMap((each) => (each.platform === undefined ? [] : [platformText(each.platform)]));
  // What BuildKit attaches (provenance, SBOM) has the platform unknown/unknown.
  const named = [...new Set(there)].filter((text) => !text.startsWith('unknown/'));
  throw noPlatform(platform, named, subject);
}

function noPlatform(platform: Platform, there: readonly string[], subject: Subject): StowageError {
  const list = there.length === 0 ? 'for no platform' : `for ${there.join(', ')} only`;
  return unsupported(subject, `no image for ${platformText(platform)}: there is one ${list}`);
}

export interface ManifestParts {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export function readManifest(document: FetchedDocument, subject: Subject): ManifestParts {
  const parsed = RawManifest.safeParse(parseJson(Buffer.from(document.bytes).toString('utf8')));
  if (!parsed.success) throw invalid(subject, 'its manifest cannot be read');
  const { config, layers } = parsed.data;
  if (!isImageConfig(config.mediaType)) {
    throw unsupported(subject, `it is an artifact (${config.mediaType}) and not an image`);
  }
  for (const { mediaType } of layers) {
    if (isForeignLayer(mediaType)) {
      throw unsupported(
        subject,
        `it has a foreign layer (${mediaType}), which lies outside the registry: it is for Windows`,
      );
    }
    if (!isLayer(mediaType)) throw unsupported(subject, `it has a layer of the unknown type ${mediaType}`);
  }
  return {
    config: descriptorOf(config, subject),
    layers: layers.map((layer) => descriptorOf(layer, subject)),
  };
}

/** The layers of the manifest with their diffIDs, for the platform that was asked for. */
export function readLayers(
  config: FetchedDocument,
  blobs: readonly Descriptor[],
  { platform, subject }: { readonly platform: Platform; readonly subject: Subject },
): readonly ImageLayer[] {
  const parsed = RawConfig.safeParse(parseJson(Buffer.from(config.bytes).toString('utf8')));
  if (!parsed.success || parsed.data.rootfs.type !== 'layers')
    throw invalid(subject, 'its configuration cannot be read');
  const { os, architecture, variant, rootfs } = parsed.data;
  if (os && architecture) {
    const actual: Platform = { os, architecture, ...(variant ? { variant } : {}) };
    if (distanceOf(platform, actual) === undefined) throw noPlatform(platform, [platformText(actual)], subject);
  }
  const diffIds = rootfs.diff_ids ?? [];
  if (diffIds.length !== blobs.length) {
    throw invalid(subject, `its manifest has ${blobs.length} layers, and its configuration ${diffIds.length}`);
  }
  return blobs.map((blob, index) => {
    const diffId = parseDigest(diffIds[index] ?? '');
    if (diffId === undefined)
      throw invalid(subject, 'its configuration has something that is no diffID where one is due');
    return { diffId, blob };
  });
}
