import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { type Image, type ImageBlob, type ImageIndex, isIndexType, MACHINE_PLATFORM, type Platform } from './image.ts';

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string(),
  size: z.number(),
  urls: z.array(z.string()).optional(),
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() }).optional(),
});
type Descriptor = z.infer<typeof descriptor>;
const indexDocument = z.object({ manifests: z.array(descriptor) });
const manifestDocument = z.object({ config: descriptor, layers: z.array(descriptor) });

/** Writes an image as an OCI image layout (`skopeo … oci:DIR`). The directory is whole or not there. */
export async function writeLayout(dir: string, image: Image | ImageIndex): Promise<void> {
  mkdirSync(dirname(dir), { recursive: true });
  const draft = mkdtempSync(`${dir}.`);
  mkdirSync(join(draft, 'blobs', 'sha256'), { recursive: true });
  for (const blob of blobsOf(image)) writeFileSync(blobFile(draft, blob.digest), await blob.bytes());
  const { mediaType, digest, sizeBytes } = image.manifest;
  writeFileSync(join(draft, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(draft, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType, digest, size: sizeBytes }] }),
  );
  try {
    renameSync(draft, dir);
  } catch (error) {
    rmSync(draft, { recursive: true });
    // Another process has written the same image meanwhile.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
  }
}

/** @returns undefined where there is none; its layers stay in their files until they are asked for */
export function readLayout(dir: string): Image | ImageIndex | undefined {
  let text: string;
  try {
    text = readFileSync(join(dir, 'index.json'), 'utf8');
  } catch {
    return undefined;
  }
  const [top] = indexDocument.parse(JSON.parse(text)).manifests;
  if (top === undefined) return undefined;
  if (!isIndexType(top.mediaType)) return readImage(dir, top);
  const { manifests } = indexDocument.parse(JSON.parse(readFileSync(blobFile(dir, top.digest), 'utf8')));
  return { manifest: storedBlob(dir, top), images: manifests.map((each) => readImage(dir, each)) };
}

/** Every blob and manifest of an image, each once, what is referred to before what refers to it. */
export function blobsOf(image: Image | ImageIndex): readonly ImageBlob[] {
  const images = 'images' in image ? image.images : [image];
  const all = [
    ...images.flatMap(({ config, layers, manifest }) => [config, ...layers, manifest]),
    ...('images' in image ? [image.manifest] : []),
  ];
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}

function readImage(dir: string, top: Descriptor): Image {
  const { config, layers } = manifestDocument.parse(JSON.parse(readFileSync(blobFile(dir, top.digest), 'utf8')));
  return {
    manifest: storedBlob(dir, top),
    config: storedBlob(dir, config),
    layers: layers.map((layer) => storedBlob(dir, layer)),
    platform: platformOf(top),
  };
}

function platformOf({ platform }: Descriptor): Platform {
  if (platform === undefined) return MACHINE_PLATFORM;
  const { variant, ...rest } = platform;
  return variant === undefined ? rest : { ...rest, variant };
}

function storedBlob(dir: string, { mediaType, digest, size, urls }: Descriptor): ImageBlob {
  return {
    mediaType,
    digest,
    sizeBytes: size,
    ...(urls === undefined ? {} : { urls }),
    bytes: () => readFile(blobFile(dir, digest)),
  };
}

function blobFile(dir: string, digest: string): string {
  return join(dir, 'blobs', ...digest.split(':'));
}
