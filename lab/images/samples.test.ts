import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../../platform/log.ts';
import { type LabRegistry, startRegistry } from '../registry.ts';
import { digestOf, type Image, type ImageIndex, MACHINE_PLATFORM } from './image.ts';
import { blobsOf } from './layout.ts';
import { pushImage } from './push.ts';
import { imageCacheDir, LAB_SAMPLES, type SampleName, sampleImage, type Variant } from './samples.ts';

const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'stowage-images-'));
const cacheDir = imageCacheDir(join(import.meta.dirname, '../..'));
let registry: LabRegistry;

const configuration = z.object({
  architecture: z.string(),
  config: z.object({ Cmd: z.array(z.string()) }),
  history: z.array(z.object({ created_by: z.string(), empty_layer: z.boolean().optional() })),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

beforeAll(async () => {
  const logger = createLogger({ name: 'test', level: 'silent' });
  registry = await startRegistry({ dir: join(scratch, 'registry'), logger });
});

afterAll(async () => {
  await registry.stop();
  rmSync(scratch, { recursive: true, force: true });
});

function ownImage(image: Image | ImageIndex): Image {
  if (!('images' in image)) return image;
  const own = image.images.find(({ platform }) => platform.architecture === MACHINE_PLATFORM.architecture);
  if (own === undefined) throw new Error('the index has no image for this machine');
  return own;
}

async function configOf(sample: SampleName) {
  const { image } = await sampleImage(sample, { cacheDir });
  return configuration.parse(JSON.parse(Buffer.from(await ownImage(image).config.bytes()).toString()));
}

async function skopeo(...args: string[]): Promise<string> {
  const { stdout } = await run('skopeo', ['--insecure-policy', ...args], { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

describe('the sample images', { timeout: 120_000 }, () => {
  test('are the same bytes whenever they are built, and come from the cache after that', async () => {
    const otherCache = join(scratch, 'cache');
    await sampleImage('busybox', { cacheDir });
    cpSync(join(cacheDir, 'packages'), join(otherCache, 'packages'), { recursive: true });
    for (const sample of LAB_SAMPLES) {
      const [kept, built] = [
        await sampleImage(sample, { cacheDir }),
        await sampleImage(sample, { cacheDir: otherCache }),
      ];
      const read = await sampleImage(sample, { cacheDir: otherCache });
      const all = [kept, built, read].map(({ image }) => blobsOf(image).map(({ digest }) => digest));
      expect(all[1]).toEqual(all[0]);
      expect(all[2]).toEqual(all[0]);
      for (const blob of blobsOf(read.image)) {
        expect(digestOf(await blob.bytes())).toBe(blob.digest);
        expect((await blob.bytes()).length).toBe(blob.sizeBytes);
      }
    }
    expect(readdirSync(otherCache).filter((name) => name !== 'packages')).toHaveLength(LAB_SAMPLES.length);
  });

  test('demo:0.1 has the five rows of its Dockerfile, the newest last, and three layers', async () => {
    const { config, history, rootfs } = await configOf('demo');
    const base = await configOf('base');
    expect(rootfs.diff_ids).toHaveLength(3);
    expect(rootfs.diff_ids[0]).toBe(base.rootfs.diff_ids[0]);
    expect(config.Cmd).toEqual(['/bin/our-application']);
    expect(history.map((row) => [row.created_by, row.empty_layer ?? false])).toEqual([
      [expect.stringMatching(/^\/bin\/sh -c #\(nop\) ADD file:[0-9a-f]{64} in \/ $/), false],
      ['/bin/sh -c #(nop)  CMD ["/bin/sh"]', true],
      [String.raw`/bin/sh -c echo -e '#!/bin/sh\ndate\nsleep 2d\ndate' > /bin/our-application`, false],
      ['/bin/sh -c chmod 755 /bin/our-application', false],
      ['/bin/sh -c #(nop)  CMD ["/bin/our-application"]', true],
    ]);
  });

  test('layers:1 stands on busybox and shares its layer', async () => {
    const [layers, busybox] = [await configOf('layers'), await configOf('busybox')];
    expect(layers.rootfs.diff_ids).toHaveLength(4);
    expect(layers.rootfs.diff_ids[0]).toBe(busybox.rootfs.diff_ids[0]);
  });
});

const VARIANTS: readonly Variant[] = (['docker', 'oci'] as const).flatMap((format) =>
  (['gzip', 'zstd', 'none'] as const).map((compression) => ({ format, compression, isIndex: true })),
);

describe('the registry and skopeo', { timeout: 120_000 }, () => {
  test.each(VARIANTS)('take every image in format $format with compression $compression', async (variant) => {
    const tag = `${variant.format}-${variant.compression}`;
    for (const sample of LAB_SAMPLES) {
      const { name, image } = await sampleImage(sample, { cacheDir, ...variant });
      expect(await pushImage({ registryUrl: registry.url, name, tag, image })).toBe(image.manifest.digest);
      const reference = `docker://${registry.host}/${name}:${tag}`;
      const raw = await skopeo('inspect', '--tls-verify=false', '--raw', reference);
      expect(digestOf(Buffer.from(raw))).toBe(image.manifest.digest);
      // Docker's media types have none for zstd that skopeo knows; BuildKit and containerd write and read this one.
      if (tag === 'docker-zstd') continue;
      const dir = join(scratch, `${sample}-${tag}`);
      await skopeo('copy', '--quiet', '--src-tls-verify=false', reference, `dir:${dir}`);
      const { manifest, config, layers } = ownImage(image);
      expect(digestOf(readFileSync(join(dir, 'manifest.json')))).toBe(manifest.digest);
      for (const { digest } of [config, ...layers]) {
        expect(digestOf(readFileSync(join(dir, digest.replace('sha256:', ''))))).toBe(digest);
      }
    }
  });

  test('an index names this platform and another', async () => {
    const { image } = await sampleImage('busybox', { cacheDir });
    expect('images' in image && image.images.map(({ platform }) => platform.architecture).sort()).toEqual([
      'amd64',
      'arm64',
    ]);
    expect((await configOf('busybox')).architecture).toBe(MACHINE_PLATFORM.architecture);
  });
});
