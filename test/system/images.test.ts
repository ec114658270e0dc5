import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageRecord, LayerRecord } from '../../core/image.ts';
import type { Job } from '../../core/job.ts';
import type { RecordOf } from '../../core/record.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { disksOf, filesWith } from './lab-view.ts';

const hexOf = (digest: string): string => digest.slice('sha256:'.length);

describe('images, from a registry to disks on a datastore and back', () => {
  let system: ImageSystem;
  beforeAll(async () => {
    system = await startImageSystem({ workers: 2 });
    await Promise.all((['busybox', 'base', 'demo', 'layers'] as const).map((name) => system.pushSample(name)));
  }, 120_000);
  afterAll(() => system.close());

  const all = async <T extends 'image' | 'layer'>(type: T): Promise<readonly RecordOf<T>[]> =>
    (await system.store.records.list(type, { limit: 500 })).items.map(({ record }) => record);
  const image = async (name: string): Promise<ImageRecord> => {
    const found = (await all('image')).find((each) =>
      each.names.some(({ reference }) => reference === `docker.io/library/${name}`),
    );
    if (found === undefined) throw new Error(`no image ${name}`);
    return found;
  };
  const succeed = async (kind: string, payload: Parameters<typeof system.run>[1]): Promise<Job> => {
    const job = await system.run(kind, payload, 60_000);
    expect(job.error).toBeUndefined();
    expect(job.state).toBe('succeeded');
    return job;
  };
  const pull = (reference: string): Promise<Job> => succeed('image.pull', { reference });
  const layersOf = async ({ layers }: ImageRecord): Promise<readonly (LayerRecord | undefined)[]> =>
    Promise.all(layers.map(async ({ diffId }) => (await system.store.records.read('layer', diffId))?.record));

  it('a pulled image has a disk for each layer, and a document', { timeout: 90_000 }, async () => {
    const job = await pull('demo:0.1');
    const demo = await image('demo:0.1');
    expect(job.result).toMatchObject({ image: demo.name, status: 'downloaded' });
    expect(job.children).toHaveLength(4);
    expect(demo.layers).toHaveLength(3);
    const layers = await layersOf(demo);
    for (const layer of layers) {
      expect(layer).toMatchObject({ state: 'available', pins: [job.id] });
      const [disk] = await disksOf(system, layer === undefined ? '?' : hexOf(layer.name));
      expect(disk).toMatchObject({ path: layer?.disk?.path, capacityBytes: layer?.disk?.sizeBytes });
    }
    expect(await filesWith(system, `images/${hexOf(demo.name)}/image.json`)).toHaveLength(1);
    expect(demo.sizeBytes).toBe(layers.reduce((sum, layer) => sum + (layer?.sizeBytes ?? 0), 0));
  });

  it('layers that are there are not fetched again', { timeout: 90_000 }, async () => {
    await pull('demo:0.1');
    const base = await image('demo:0.1');
    const job = await pull('base:1');
    const [child] = job.notes['layers'] as unknown as readonly { readonly job: Job['id']; readonly isThere: boolean }[];
    expect(child?.isThere).toBe(true);
    expect(child === undefined ? undefined : (await system.store.jobs.read(child.job))?.result).toMatchObject({
      diffId: base.layers[0]?.diffId,
      fetched: false,
    });
    const again = await pull('base:1');
    expect(again.result).toMatchObject({ status: 'up-to-date' });
  });

  it('a name is given, moved and taken', { timeout: 90_000 }, async () => {
    await pull('busybox');
    await pull('base:1');
    const [busybox, base] = [await image('busybox:latest'), await image('base:1')];
    await succeed('image.tag', { image: busybox.name, reference: 'mine:1' });
    expect((await image('mine:1')).name).toBe(busybox.name);
    await succeed('image.tag', { image: base.name, reference: 'mine:1' });
    await expect
      .poll(
        async () =>
          (await all('image')).filter(({ names }) => names.some(({ reference }) => reference.endsWith('/mine:1')))
            .length,
      )
      .toBe(1);
    expect((await image('mine:1')).name).toBe(base.name);
    const removed = await succeed('image.remove', { image: base.name, reference: 'docker.io/library/mine:1' });
    expect(removed.result).toMatchObject({ untagged: ['docker.io/library/mine:1'], deleted: [] });
  });

  it('a layer goes with the last image that has it', { timeout: 90_000 }, async () => {
    await pull('base:1');
    await pull('demo:0.1');
    const [base, demo] = [await image('base:1'), await image('demo:0.1')];
    const shared = base.layers[0]?.diffId;
    const first = await succeed('image.remove', { image: demo.name, force: true });
    expect(first.result?.['deleted']).toEqual([
      demo.name,
      ...demo.layers.map(({ diffId }) => diffId).filter((each) => each !== shared),
    ]);
    expect(await filesWith(system, hexOf(demo.name))).toEqual([]);
    const second = await succeed('image.remove', { image: base.name, force: true });
    expect(second.result?.['deleted']).toEqual([base.name, shared]);
    expect(await filesWith(system, hexOf(shared ?? '?'))).toEqual([]);
    expect(await disksOf(system, hexOf(shared ?? '?'))).toEqual([]);
  });

  it('what the registry does not have is said, and leaves nothing', async () => {
    const job = await system.run('image.pull', { reference: 'nothing:1' });
    expect(job).toMatchObject({
      state: 'dead',
      error: { code: expect.stringMatching(/image-unknown|registry-denied/) },
    });
  });

  it('after Redis was emptied everything is found again', { timeout: 120_000 }, async () => {
    await pull('layers:1');
    await pull('busybox');
    const before = { images: await all('image'), layers: await all('layer') };
    await system.flush();
    await expect.poll(async () => (await all('image')).length, { timeout: 30_000 }).toBe(before.images.length);
    const stable = ({ name, names, layers, config, manifest, sizeBytes, home }: ImageRecord) => ({
      name,
      names,
      layers,
      config,
      manifest,
      sizeBytes,
      home,
    });
    expect((await all('image')).map(stable)).toEqual(before.images.map(stable));
    await expect.poll(async () => (await all('layer')).length, { timeout: 30_000 }).toBe(before.layers.length);
    await pull('busybox');
  });
});
