import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import {
  bombLayer,
  corruptGzipLayer,
  ESCAPES,
  foreignLayer,
  truncatedGzipLayer,
  truncatedTarLayer,
  wrongDiffIdLayer,
} from '../../lab/images/hostile.ts';
import { type Image, image, type LayerSource } from '../../lab/images/image.ts';
import { file } from '../../lab/images/tar.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { filesWith } from './lab-view.ts';

// What a registry may give, or not, and what a pull of it says and leaves: an error that a person understands, and nothing.

const MIB = 1_048_576;
const MAX_LAYER = 32 * MIB;
/** Big enough for damage in the middle. */
const content = (name: string): string => `${name} `.repeat(2_000);

let fresh = 0;
const imageOf = (...layers: readonly LayerSource[]): Promise<Image> =>
  image({
    layers,
    config: { Labels: { fresh: String((fresh += 1)) } },
    history: layers.map(() => ({ createdBy: 'a test' })),
    format: 'docker',
    compression: 'gzip',
  });
const goodLayer = (name: string): LayerSource => [file(name, content(name))];

describe('a pull of what cannot be pulled', () => {
  let system: ImageSystem;
  beforeAll(async () => {
    system = await startImageSystem({ env: { STOWAGE_MAX_LAYER_SIZE: '32MiB' } });
    // The one that a worker runs on an empty Redis.
    await system.run('reconcile.run', {});
  }, 120_000);
  afterAll(() => system.close());

  const pull = (name: string): Promise<Job> => system.run('image.pull', { reference: `${name}:1` });
  const push = async (name: string, pushed: Image): Promise<Image> => {
    await system.push(`library/${name}`, '1', pushed);
    return pushed;
  };

  /** No job under way, no record, no file on a datastore, nothing in the spool. */
  const expectNothing = async (): Promise<void> => {
    const left = async (): Promise<unknown> => ({
      open: [
        ...(await system.store.jobs.list({ state: 'waiting' }, { limit: 10 })).items,
        ...(await system.store.jobs.list({ state: 'running' }, { limit: 10 })).items,
      ].map(({ kind }) => kind),
      images: (await system.store.records.list('image', { limit: 10 })).items,
      layers: (await system.store.records.list('layer', { limit: 10 })).items,
      files: (await filesWith(system, 'stowage/')).filter((path) => /^stowage\/(?:layers|images)\/./.test(path)),
      spool: await readdir(system.env['STOWAGE_SPOOL_DIR'] ?? ''),
    });
    await expect.poll(left, { timeout: 60_000 }).toEqual({ open: [], images: [], layers: [], files: [], spool: [] });
  };

  /** The job's error: its code, and a message with all of these words in it. */
  const expectRefused = (job: Job, code: string, words: readonly (string | undefined)[]): void => {
    expect(job).toMatchObject({ state: 'dead', error: { code } });
    for (const word of words) expect(job.error?.message).toContain(word);
  };

  /** What the registry has is good again, or is another image by the same name. */
  const expectGood = async (name: string): Promise<void> => {
    const job = await pull(name);
    const made = job.result?.['image'] ?? '';
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ state: 'succeeded', result: { status: 'downloaded' } });
    await system.run('image.remove', { image: made, force: true });
    await expectNothing();
  };

  const blobOf = (pushed: Image): string => pushed.layers.at(-1)?.digest ?? '';
  const short = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);
  const diffIdOf = async ({ config }: Image): Promise<string> => {
    const { rootfs } = JSON.parse(Buffer.from(await config.bytes()).toString('utf8')) as {
      readonly rootfs: { readonly diff_ids: readonly string[] };
    };
    return rootfs.diff_ids.at(-1) ?? '';
  };

  it.for([
    ['another content', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([0x55])])],
    ['too few bytes', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['too many bytes', (bytes: Buffer) => Buffer.concat([bytes, bytes])],
  ] as const)('a blob with %s', { timeout: 120_000 }, async ([what, change]) => {
    const name = `blob-${what.replaceAll(' ', '-')}`;
    const pushed = await push(name, await imageOf(goodLayer(`${name}-base`), goodLayer(name)));
    let good: Buffer | undefined;
    system.registry.tamper(blobOf(pushed), (bytes) => change((good = bytes)));
    const job = await pull(name);
    expectRefused(job, 'layer-invalid', [name, short(await diffIdOf(pushed))]);
    await expectNothing();
    system.registry.tamper(blobOf(pushed), () => good);
    await expectGood(name);
  });

  it.for(Object.entries(ESCAPES))('an entry that escapes: %s', { timeout: 120_000 }, async ([what, entries]) => {
    const name = `escape-${what.replaceAll(' ', '-')}`;
    const pushed = await push(name, await imageOf(entries));
    const job = await pull(name);
    expectRefused(job, 'layer-invalid', [name, short(await diffIdOf(pushed))]);
    await expectNothing();
  });

  it.for([
    ['a corrupt gzip', () => corruptGzipLayer([file('some', content('corrupt'))]), 'layer-invalid'],
    ['a gzip that is cut', () => truncatedGzipLayer([file('some', content('cut'))]), 'layer-invalid'],
    ['a tar that is cut', truncatedTarLayer, 'layer-invalid'],
    ['another diffID', () => wrongDiffIdLayer([file('some', content('other'))]), 'layer-invalid'],
    ['too much in it', async () => bombLayer(4 * MAX_LAYER), 'layer-too-large'],
  ] as const)('a layer with %s', { timeout: 120_000 }, async ([what, layer, code]) => {
    const name = `layer-${what.replaceAll(' ', '-').toLowerCase()}`;
    const pushed = await push(name, await imageOf(await layer()));
    const job = await pull(name);
    const setting = code === 'layer-too-large' ? ['STOWAGE_MAX_LAYER_SIZE'] : [];
    expectRefused(job, code, [name, short(await diffIdOf(pushed)), ...setting]);
    await expectNothing();
    await push(name, await imageOf(goodLayer(name)));
    await expectGood(name);
  });

  it('a layer that is elsewhere', { timeout: 120_000 }, async () => {
    await push('foreign', await imageOf(await foreignLayer([file('some', 'some')])));
    expectRefused(await pull('foreign'), 'image-unsupported', ['foreign']);
    await expectNothing();
  });

  it('a blob that the registry has lost', { timeout: 120_000 }, async () => {
    const pushed = await push('lost', await imageOf(goodLayer('lost')));
    let good: Buffer | undefined;
    system.registry.tamper(blobOf(pushed), (bytes) => void (good = bytes));
    const job = await system.run('image.pull', { reference: `${system.registry.host}/library/lost:1` });
    expectRefused(job, 'blob-unknown', ['library/lost', short(await diffIdOf(pushed))]);
    await expectNothing();
    expect(good).toBeDefined();
  });

  it('a tag that is not there', { timeout: 120_000 }, async () => {
    await push('tagged', await imageOf(goodLayer('tagged')));
    const reference = `${system.registry.host}/library/tagged:2`;
    const job = await system.run('image.pull', { reference });
    expectRefused(job, 'image-unknown', ['library/tagged', '2']);
    await expectNothing();
    await expectGood('tagged');
  });

  it('a host that is not there', { timeout: 120_000 }, async () => {
    const job = await system.run('image.pull', { reference: 'registry.invalid/some/image:1' });
    expectRefused(job, 'registry-unknown', ['registry.invalid']);
    await expectNothing();
  });
});
