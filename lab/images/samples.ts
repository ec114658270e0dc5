import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { bigRecipe } from './big.ts';
import { fetchPackage, withUnpacked } from './debian-package.ts';
import {
  type Compression,
  type Image,
  type ImageIndex,
  image,
  imageIndex,
  type ManifestFormat,
  MACHINE_PLATFORM,
  type Platform,
} from './image.ts';
import { layersRecipe } from './layers-recipe.ts';
import { readLayout, writeLayout } from './layout.ts';
import { baseRecipe, type Busybox, busyboxRecipe, demoRecipe, otherPlatformRecipe, type Recipe } from './recipes.ts';

const run = promisify(execFile);
const MIB = 1024 * 1024;
const OLD_MS = 86_400_000;

export type SampleName = 'busybox' | 'base' | 'demo' | 'layers' | 'big';

/** How an image is written. */
export interface Variant {
  readonly format: ManifestFormat;
  readonly compression: Compression;
  /** Also for another platform, under one index. */
  readonly isIndex: boolean;
}

export interface Sample {
  /** `library/busybox`, … */
  readonly name: string;
  readonly tag: string;
  readonly image: Image | ImageIndex;
}

interface SampleDefinition {
  readonly tag: string;
  readonly recipe: (busybox: Busybox) => Recipe;
  /** What most images of its sort are in the world. */
  readonly usual: Variant;
}

const USUAL = { format: 'docker', compression: 'gzip', isIndex: false } as const;

const SAMPLES: Readonly<Record<SampleName, SampleDefinition>> = {
  busybox: { tag: 'latest', recipe: busyboxRecipe, usual: { ...USUAL, isIndex: true } },
  base: { tag: '1', recipe: baseRecipe, usual: USUAL },
  demo: { tag: '0.1', recipe: (busybox) => demoRecipe(baseRecipe(busybox)), usual: USUAL },
  layers: {
    tag: '1',
    recipe: (busybox) => layersRecipe(busyboxRecipe(busybox)),
    usual: { format: 'oci', compression: 'zstd', isIndex: true },
  },
  big: {
    tag: '1',
    recipe: (busybox) => bigRecipe(busyboxRecipe(busybox), { layers: 12, sizeBytes: 900 * MIB }),
    usual: USUAL,
  },
};

/** Those that the lab's registry has from the start. */
export const LAB_SAMPLES: readonly SampleName[] = ['busybox', 'base', 'demo', 'layers'];

/** Where a checkout keeps the images that were built, and the packages they were built from. */
export function imageCacheDir(root: string): string {
  return join(root, 'node_modules', '.cache', 'stowage', 'images');
}

/**
 * One of the sample images: built once, then read from the cache.
 *
 * @param cacheDir may be shared by processes
 * @throws where the Debian package that the images are made of is not in the cache and cannot be downloaded
 */
export async function sampleImage(
  sample: SampleName,
  { cacheDir, ...choice }: { readonly cacheDir: string } & Partial<Variant>,
): Promise<Sample> {
  const { tag, recipe, usual } = SAMPLES[sample];
  const variant = { ...usual, ...choice };
  const packageFile = await fetchPackage('busybox-static', join(cacheDir, 'packages'));
  const dir = join(cacheDir, `${sample}-${keyOf(variant, packageFile)}`);
  const kept = readLayout(dir);
  if (kept !== undefined) return { name: `library/${sample}`, tag, image: kept };
  const built = await build(recipe(await unpackBusybox(packageFile)), variant);
  await writeLayout(dir, built);
  removeOld(cacheDir, sample);
  return { name: `library/${sample}`, tag, image: built };
}

/** Builds of other sources. A recent one may be in use by another process, so it stays. */
function removeOld(cacheDir: string, sample: SampleName): void {
  for (const dir of globSync(`${sample}-*`, { cwd: cacheDir }).map((each) => join(cacheDir, each))) {
    const status = statSync(dir, { throwIfNoEntry: false });
    if (status !== undefined && Date.now() - status.mtimeMs > OLD_MS) rmSync(dir, { recursive: true, force: true });
  }
}

async function build(recipe: Recipe, { format, compression, isIndex }: Variant): Promise<Image | ImageIndex> {
  const own = await image({ ...recipe, format, compression });
  if (!isIndex) return own;
  const platform = otherPlatform();
  const other = await image({ ...otherPlatformRecipe(platform), format, compression, platform });
  return imageIndex([own, other], format);
}

function otherPlatform(): Platform {
  return MACHINE_PLATFORM.architecture === 'arm64'
    ? { os: 'linux', architecture: 'amd64' }
    : { os: 'linux', architecture: 'arm64', variant: 'v8' };
}

async function unpackBusybox(packageFile: string): Promise<Busybox> {
  return withUnpacked(packageFile, async (folder) => {
    const [path] = globSync(['bin/busybox', 'usr/bin/busybox'], { cwd: folder });
    if (path === undefined) throw new Error(`${packageFile} has no busybox`);
    const program = join(folder, path);
    const { stdout } = await run(program, ['--list-full']);
    return { program: readFileSync(program), applets: stdout.trim().split('\n') };
  });
}

/** Of all that decides about the bytes: these sources, the package, and the compressors that Node.js has. */
function keyOf(variant: Variant, packageFile: string): string {
  const { zlib, zstd } = process.versions;
  const hash = createHash('sha256').update(JSON.stringify([variant, basename(packageFile), zlib, zstd, process.arch]));
  for (const source of globSync('*.ts', { cwd: import.meta.dirname }).sort()) {
    if (!source.endsWith('.test.ts')) hash.update(readFileSync(join(import.meta.dirname, source)));
  }
  return hash.digest('hex').slice(0, 16);
}
