import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ImageRecord } from '../../core/image.ts';
import type { Job } from '../../core/job.ts';
import { type Image, image, type LayerSource } from '../../lab/images/image.ts';
import { file } from '../../lab/images/tar.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import type { WorkerProcess } from '../harness/system.ts';
import { directoryOf, disksOf, filesWith } from './lab-view.ts';

// What lies in the image store and what Redis knows of it may differ, after a crash or after Redis was emptied.

let fresh = 0;
const layer = (): LayerSource => [file(`file-${(fresh += 1)}`, String(fresh))];
const imageOf = (...layers: readonly LayerSource[]): Promise<Image> =>
  image({
    layers,
    config: { Labels: { fresh: String((fresh += 1)) } },
    history: layers.map(() => ({ createdBy: 'a test' })),
    format: 'oci',
    compression: 'zstd',
  });
const hexOf = (digest: string): string => digest.slice('sha256:'.length);

describe('the image store and what Redis knows of it', () => {
  let system: ImageSystem;
  let store: string;
  let worker: WorkerProcess;
  beforeAll(async () => {
    system = await startImageSystem({ workers: 0, env: { STOWAGE_RECONCILE_INTERVAL_MS: '3600000' } });
    worker = await system.startWorker();
    store = `${await directoryOf(system, 'shared-1')}/stowage`;
    await succeed('reconcile.run', {});
  }, 120_000);
  afterAll(() => system.close());
  afterEach(async () => {
    for (const { record } of (await system.store.records.list('image', { limit: 100 })).items)
      await succeed('image.remove', { image: record.name, force: true });
  });

  const succeed = async (kind: string, payload: Parameters<typeof system.run>[1]): Promise<Job> => {
    const job = await system.run(kind, payload);
    expect(job.error).toBeUndefined();
    expect(job.state).toBe('succeeded');
    return job;
  };
  const reconcile = (): Promise<Job> => succeed('reconcile.run', {});
  const pull = async (name: string, pulled: Image): Promise<ImageRecord> => {
    await system.push(`library/${name}`, '1', pulled);
    await succeed('image.pull', { reference: `${name}:1` });
    const found = await imageRecord(pulled.config.digest);
    if (found === undefined) throw new Error(`no image ${name}`);
    return found;
  };
  const imageRecord = async (id: string): Promise<ImageRecord | undefined> =>
    (await system.store.records.read('image', id))?.record;
  const layerRecord = async (diffId: string) => (await system.store.records.read('layer', diffId))?.record;
  const diffIdOf = (record: ImageRecord, index = 0): string => record.layers[index]?.diffId ?? '';
  const expectNoFiles = async (text: string): Promise<void> => {
    await expect.poll(() => filesWith(system, text), { timeout: 60_000 }).toEqual([]);
  };

  it('directories without a document are removed', { timeout: 120_000 }, async () => {
    const name = 'ab'.repeat(32);
    for (const folder of ['layers', 'images']) {
      await mkdir(`${store}/${folder}/${name}`, { recursive: true });
      await writeFile(`${store}/${folder}/${name}/half-flat.vmdk`, 'half');
    }
    expect((await reconcile()).result).toMatchObject({ finishing: 2 });
    await expectNoFiles(name);
  });

  it('what is not named like one of ours stays', { timeout: 120_000 }, async () => {
    await mkdir(`${store}/layers/theirs`, { recursive: true });
    await writeFile(`${store}/layers/theirs/file`, 'theirs');
    await reconcile();
    expect(await filesWith(system, 'layers/theirs/file')).toHaveLength(1);
    await rm(`${store}/layers/theirs`, { recursive: true });
  });

  it('a layer goes that no image lists', { timeout: 120_000 }, async () => {
    const kept = await pull('kept', await imageOf(layer()));
    const orphan = await pull('orphan', await imageOf(layer()));
    await rm(`${store}/images/${hexOf(orphan.name)}`, { recursive: true });
    await system.flush();
    await expect.poll(() => imageRecord(kept.name), { timeout: 60_000 }).toMatchObject({ state: 'available' });
    await expectNoFiles(hexOf(diffIdOf(orphan)));
    await expect.poll(() => layerRecord(diffIdOf(orphan)), { timeout: 60_000 }).toBeUndefined();
    expect(await disksOf(system, hexOf(diffIdOf(kept)))).toHaveLength(1);
  });

  it.for(['images', 'layers'] as const)(
    'a missing directory below %s is flagged, and nothing is deleted',
    { timeout: 120_000 },
    async (folder) => {
      const pulled = await pull('missing', await imageOf(layer()));
      const name = folder === 'images' ? pulled.name : diffIdOf(pulled);
      const record = async () => (folder === 'images' ? imageRecord(pulled.name) : layerRecord(name));
      const elsewhere = await mkdtemp(join(tmpdir(), 'stowage-elsewhere-'));
      const [home, away] = [`${store}/${folder}/${hexOf(name)}`, join(elsewhere, 'home')];
      await rename(home, away);
      const told = async (): Promise<number> =>
        (await system.store.events.list({ limit: 200 })).items.filter(
          ({ type, subject }) => type === 'image.flagged' && subject.endsWith(name),
        ).length;
      await reconcile();
      expect(await record()).toMatchObject({ state: 'available', flag: { passes: 1 } });
      expect(await told()).toBe(0);
      await reconcile();
      expect(await record()).toMatchObject({ state: 'available', flag: { passes: 2 } });
      expect(await told()).toBe(1);
      await reconcile();
      expect(await told()).toBe(1);
      expect(await imageRecord(pulled.name)).toMatchObject({ state: 'available' });
      expect(await layerRecord(diffIdOf(pulled))).toMatchObject({ state: 'available' });
      await rename(away, home);
      await reconcile();
      expect((await record())?.flag).toBeUndefined();
      await rm(elsewhere, { recursive: true });
    },
  );

  it('a shared layer stays when one image is removed before Redis knows of the other', {
    timeout: 120_000,
  }, async () => {
    const shared = layer();
    const one = await pull('one', await imageOf(shared, layer()));
    const two = await pull('two', await imageOf(shared, layer()));
    await worker.stop();
    await system.flush();
    // A worker that reconciles nothing.
    const other = await system.startWorker({
      program: 'test/harness/crash-worker.ts',
      env: { ...(await noPlan()), CRASH_WITHOUT: 'reconcile.run' },
    });
    const removed = await succeed('image.remove', { image: one.name, force: true });
    expect(removed.result?.['deleted']).toEqual([one.name, diffIdOf(one, 1)]);
    expect(await imageRecord(two.name)).toBeUndefined();
    expect(await filesWith(system, `${hexOf(diffIdOf(two))}/layer.json`)).toHaveLength(1);
    expect(await disksOf(system, hexOf(diffIdOf(two)))).toHaveLength(1);
    await other.stop();
    worker = await system.startWorker();
    await reconcile();
    expect(await imageRecord(two.name)).toMatchObject({ state: 'available' });
    expect(await layerRecord(diffIdOf(two))).toMatchObject({ state: 'available' });
  });

  it('a document that cannot be read shows as a stray, keeps every layer, and fails nothing', {
    timeout: 120_000,
  }, async () => {
    const [torn, other] = [await pull('torn', await imageOf(layer())), await pull('other', await imageOf(layer()))];
    const document = `${store}/images/${hexOf(torn.name)}/image.json`;
    const good = await readFile(document);
    await writeFile(document, '{"torn":');
    await system.flush();
    await expect.poll(() => imageRecord(other.name), { timeout: 60_000 }).toMatchObject({ state: 'available' });
    await reconcile();
    const strays = async () =>
      (await system.store.records.list('stray', { limit: 10 })).items.map(({ record }) => record);
    expect(await strays()).toMatchObject([
      { name: expect.stringContaining(hexOf(torn.name)), flag: { reason: expect.stringContaining('is not JSON') } },
    ]);
    const removed = await succeed('image.remove', { image: other.name, force: true });
    expect(removed.result?.['deleted']).toEqual([other.name]);
    for (const each of [torn, other]) expect(await disksOf(system, hexOf(diffIdOf(each)))).toHaveLength(1);
    expect((await system.store.jobs.list({ state: 'dead' }, { limit: 10 })).items).toEqual([]);
    await writeFile(document, good);
    await reconcile();
    expect(await strays()).toEqual([]);
    await expectNoFiles(hexOf(diffIdOf(other)));
    expect(await layerRecord(diffIdOf(torn))).toMatchObject({ state: 'available' });
  });

  async function noPlan(): Promise<Readonly<Record<string, string>>> {
    const [plan, report] = [join(system.directory, 'plan.json'), join(system.directory, 'report.jsonl')];
    await writeFile(plan, '{}');
    return { CRASH_PLAN: plan, CRASH_REPORT: report };
  }
});
