import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { type Image, image, type LayerSource } from '../../lab/images/image.ts';
import { type Credentials, pushImage } from '../../lab/images/push.ts';
import { file } from '../../lab/images/tar.ts';
import { startRegistry } from '../../lab/registry.ts';
import { startTokenServer } from '../../lab/token-server.ts';
import { systemClock } from '../../platform/clock.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { type RegistryProxy, startRegistryProxy } from '../harness/registry-proxy.ts';
import type { WorkerProcess } from '../harness/system.ts';
import { eventually, filesWith } from './lab-view.ts';

// Pulls that something comes between: a dead worker, a broken transfer, another pull, a removal, an empty Redis.

const HALF = 2 * 1_048_576;

let fresh = 0;
/** Its blob is about as big as the content is: chance does not compress. */
const bigLayer = (): LayerSource => [file(`big-${(fresh += 1)}`, randomBytes(2 * HALF))];
const smallLayer = (): LayerSource => [file(`small-${(fresh += 1)}`, String(fresh))];
const imageOf = (...layers: readonly LayerSource[]): Promise<Image> =>
  image({
    layers,
    config: { Labels: { fresh: String((fresh += 1)) } },
    history: layers.map(() => ({ createdBy: 'a test' })),
    format: 'oci',
    compression: 'gzip',
  });
const firstBlob = (pushed: Image): string => pushed.layers[0]?.digest ?? '';
const firstDiffId = async ({ config }: Image): Promise<string> => {
  const { rootfs } = JSON.parse(Buffer.from(await config.bytes()).toString('utf8')) as {
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  return rootfs.diff_ids[0] ?? '';
};
const hexOf = (digest: string): string => digest.slice('sha256:'.length);

describe('a pull that something comes between', () => {
  let system: ImageSystem;
  let proxy: RegistryProxy;
  const workers: WorkerProcess[] = [];
  const startWorker = async (): Promise<WorkerProcess> => {
    const worker = await system.startWorker();
    workers.push(worker);
    return worker;
  };
  beforeAll(async () => {
    system = await startImageSystem({ workers: 0 });
    proxy = await startRegistryProxy(system.registry.url);
  }, 120_000);
  beforeEach(async () => {
    await startWorker();
    await startWorker();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });
  afterAll(async () => {
    await proxy.close();
    await system.close();
  });

  const push = async (name: string, pushed: Image): Promise<Image> => {
    await system.push(`library/${name}`, '1', pushed);
    return pushed;
  };
  const begin = (name: string): Promise<JobId> =>
    system.begin('image.pull', { reference: `${proxy.host}/library/${name}:1` });
  const succeed = async (id: JobId): Promise<Job> => {
    const job = await system.end(id);
    expect(job.error).toBeUndefined();
    expect(job.state).toBe('succeeded');
    return job;
  };
  const remove = async (pushed: Image): Promise<Job> =>
    succeed(await system.begin('image.remove', { image: pushed.config.digest, force: true }));
  const spool = async (): Promise<readonly string[]> => readdir(system.env['STOWAGE_SPOOL_DIR'] ?? '');
  const spooledBytes = async (blob: string): Promise<number> => {
    const dir = system.env['STOWAGE_SPOOL_DIR'] ?? '';
    const [name] = (await spool()).filter((each) => each.startsWith(hexOf(blob)) && each.endsWith('.part'));
    return name === undefined ? 0 : (await stat(join(dir, name))).size;
  };
  const layerState = async (diffId: string): Promise<string | undefined> =>
    (await system.store.records.read('layer', diffId))?.record.state;
  const expectGone = async (pushed: Image): Promise<void> => {
    const diffId = await firstDiffId(pushed);
    await expect
      .poll(
        async () => ({
          image: await system.store.records.read('image', pushed.config.digest),
          layer: await system.store.records.read('layer', diffId),
          files: [
            ...(await filesWith(system, `layers/${hexOf(diffId)}`)),
            ...(await filesWith(system, `images/${hexOf(pushed.config.digest)}`)),
          ],
        }),
        { timeout: 60_000 },
      )
      .toEqual({ image: undefined, layer: undefined, files: [] });
  };

  it('kill -9 in the middle of a layer: another worker fetches only what is missing', {
    timeout: 180_000,
  }, async () => {
    const pushed = await push('killed', await imageOf(bigLayer()));
    const blob = firstBlob(pushed);
    const hold = proxy.hold(blob, HALF);
    const job = await begin('killed');
    await hold.reached;
    await eventually('half of the blob to be in the spool', async () => (await spooledBytes(blob)) === HALF);
    // The one that stays may be the one that has the layer.
    await startWorker();
    for (const worker of workers.splice(0, 2)) worker.kill('SIGKILL');
    hold.cut();
    await succeed(job);
    expect(proxy.blobRequests(blob).map(({ range }) => range)).toEqual([undefined, `bytes=${HALF}-`]);
    expect(await spool()).toEqual([]);
    await remove(pushed);
  });

  it('a transfer that breaks goes on where it was', { timeout: 180_000 }, async () => {
    const pushed = await push('broken', await imageOf(bigLayer()));
    const blob = firstBlob(pushed);
    const hold = proxy.hold(blob, HALF);
    const job = await begin('broken');
    await hold.reached;
    await eventually('half of the blob to be in the spool', async () => (await spooledBytes(blob)) === HALF);
    hold.cut();
    await succeed(job);
    expect(proxy.blobRequests(blob).map(({ range }) => range)).toEqual([undefined, `bytes=${HALF}-`]);
    expect((await system.end(job)).attempts.every(({ outcome }) => outcome !== 'retry')).toBe(true);
    await remove(pushed);
  });

  it('a registry that stalls is told of, and nothing is left', { timeout: 180_000 }, async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    const plan = join(system.directory, 'plan.json');
    await writeFile(plan, '{}');
    workers.push(
      await system.startWorker({
        program: 'test/harness/crash-worker.ts',
        env: {
          CRASH_PLAN: plan,
          CRASH_REPORT: join(system.directory, 'report.jsonl'),
          // The product's own patience is half a minute.
          CRASH_REGISTRY_TUNING: JSON.stringify({ stallTimeoutMs: 300, maxBreaks: 0 }),
        },
      }),
    );
    const pushed = await push('stalled', await imageOf(bigLayer()));
    const blob = firstBlob(pushed);
    const hold = proxy.hold(blob, HALF);
    const job = await system.end(await begin('stalled'));
    expect(job).toMatchObject({ state: 'dead', error: { code: 'registry-unreachable' } });
    for (const word of ['library/stalled', hexOf(await firstDiffId(pushed)).slice(0, 12), proxy.host])
      expect(job.error?.message).toContain(word);
    await expectGone(pushed);
    const [first, ...others] = proxy.blobRequests(blob).map(({ range }) => range);
    expect(first).toBeUndefined();
    expect(new Set(others)).toEqual(new Set([`bytes=${HALF}-`]));
    hold.release();
    await succeed(await begin('stalled'));
    expect(await spool()).toEqual([]);
    await remove(pushed);
  });

  it('two pulls that share a layer fetch it once', { timeout: 180_000 }, async () => {
    const shared = bigLayer();
    const one = await push('one', await imageOf(shared, smallLayer()));
    const two = await push('two', await imageOf(shared, smallLayer()));
    const hold = proxy.hold(firstBlob(one), HALF);
    const jobs = [await begin('one'), await begin('two')];
    await hold.reached;
    await eventually('both pulls to wait', async () => {
      const all = await Promise.all(jobs.map((id) => system.store.jobs.read(id)));
      return all.every((job) => job?.state === 'waiting' && job.children.length > 0);
    });
    hold.release();
    await Promise.all(jobs.map(succeed));
    expect(proxy.blobRequests(firstBlob(one))).toHaveLength(1);
    const removed = await remove(one);
    expect(removed.result?.['deleted']).not.toContain(await firstDiffId(one));
    expect(await layerState(await firstDiffId(two))).toBe('available');
    await remove(two);
    await expectGone(two);
  });

  it('a pull that is cancelled while another one waits for its layer leaves it that', {
    timeout: 180_000,
  }, async () => {
    const shared = bigLayer();
    const one = await push('left', await imageOf(shared, smallLayer()));
    const two = await push('right', await imageOf(shared, smallLayer()));
    const hold = proxy.hold(firstBlob(one), HALF);
    const [left, right] = [await begin('left'), await begin('right')];
    await hold.reached;
    await system.store.jobs.cancel(left, 'test');
    expect(await system.end(left)).toMatchObject({ state: 'cancelled' });
    hold.release();
    await succeed(right);
    expect(await layerState(await firstDiffId(two))).toBe('available');
    await remove(two);
    await expectGone(one);
    await expectGone(two);
  });

  it('two that pull the same image at once wait for one job', { timeout: 180_000 }, async () => {
    const pushed = await push('same', await imageOf(bigLayer()));
    const hold = proxy.hold(firstBlob(pushed), HALF);
    const first = await begin('same');
    await hold.reached;
    expect(await begin('same')).toBe(first);
    hold.release();
    await succeed(first);
    await remove(pushed);
  });

  it('an image that is pulled while another with its layer is removed has the layer', {
    timeout: 180_000,
  }, async () => {
    const shared = smallLayer();
    const old = await push('old', await imageOf(shared));
    const next = await push('next', await imageOf(shared, bigLayer()));
    await succeed(await begin('old'));
    const hold = proxy.hold(next.layers[1]?.digest ?? '', HALF);
    const job = await begin('next');
    await hold.reached;
    await eventually('the pull to have its pin on the layer', async () => {
      const layer = await system.store.records.read('layer', await firstDiffId(old));
      return layer?.record.pins.includes(job);
    });
    expect((await remove(old)).result?.['deleted']).toEqual([old.config.digest]);
    hold.release();
    await succeed(job);
    expect(await layerState(await firstDiffId(next))).toBe('available');
    await remove(next);
    await expectGone(next);
  });

  it('Redis is emptied in the middle: nothing half made stays, and a pull works', { timeout: 180_000 }, async () => {
    const pushed = await push('emptied', await imageOf(bigLayer()));
    const hold = proxy.hold(firstBlob(pushed), HALF);
    await begin('emptied');
    await hold.reached;
    await system.flush();
    hold.cut();
    await expectGone(pushed);
    await succeed(await begin('emptied'));
    await remove(pushed);
    await expectGone(pushed);
  });

  it('a token that expires in the middle is asked for anew', { timeout: 180_000 }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stowage-tokens-'));
    const logger = pino({ level: 'silent' });
    const user: Credentials = { user: 'anna', password: 'secret' };
    const tokens = await startTokenServer({
      dir: join(directory, 'tokens'),
      users: [{ name: user.user, password: user.password }],
      clock: systemClock,
    });
    const guarded = await startRegistry({
      dir: join(directory, 'registry'),
      logger,
      auth: { mode: 'token', server: tokens },
    });
    const before = await startRegistryProxy(guarded.url);
    try {
      const pushed = await imageOf(bigLayer());
      await pushImage({ registryUrl: guarded.url, name: 'pub/some', tag: '1', image: pushed, auth: user });
      tokens.setTtl({ ttlS: 4, statedTtlS: 300 });
      const hold = before.hold(firstBlob(pushed), HALF);
      const job = await system.begin('image.pull', { reference: `${before.host}/pub/some:1` });
      await hold.reached;
      const [held] = before.blobRequests(firstBlob(pushed)).filter(({ authorization }) => authorization !== undefined);
      await eventually('the token to be refused', async () => {
        const headers = { authorization: held?.authorization ?? '' };
        const answer = await fetch(`${guarded.url}/v2/pub/some/manifests/1`, { method: 'HEAD', headers });
        return answer.status === 401;
      });
      const issued = tokens.issued.length;
      tokens.setTtl({ ttlS: 300 });
      hold.cut();
      await succeed(job);
      expect(tokens.issued.length).toBeGreaterThan(issued);
      await remove(pushed);
    } finally {
      await before.close();
      await guarded.stop();
      await tokens.close();
      await rm(directory, { recursive: true, force: true });
    }
  });
});
