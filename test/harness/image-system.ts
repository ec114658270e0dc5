import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import type { Image, ImageIndex } from '../../lab/images/image.ts';
import { buildGo } from '../../lab/go.ts';
import { pushImage } from '../../lab/images/push.ts';
import { imageCacheDir, type SampleName, sampleImage, type Variant } from '../../lab/images/samples.ts';
import { type LabRegistry, startRegistry } from '../../lab/registry.ts';
import { startSystem, type System, type SystemOptions } from './system.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** A system whose workers can pull: a real registry stands for Docker Hub. */
export interface ImageSystem extends System {
  readonly registry: LabRegistry;
  /** Pushes one of the lab's images; resolves with the digest of its manifest. */
  pushSample(name: SampleName, variant?: Variant): Promise<string>;
  /** @param name as Docker Hub would have it: `library/odd` */
  push(name: string, tag: string, image: Image | ImageIndex): Promise<string>;
  /** Empties Redis. */
  flush(): Promise<void>;
}

export async function startImageSystem(options: SystemOptions = {}): Promise<ImageSystem> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-images-'));
  const logger = pino({ level: 'error' }, pino.destination(join(directory, 'test.log')));
  const build = { root: ROOT, program: '.', env: process.env, logger };
  const [layerdisk, mover, registry] = await Promise.all([
    buildGo({ ...build, module: 'registry/layerdisk' }),
    buildGo({ ...build, module: 'vsphere/mover' }),
    startRegistry({ dir: join(directory, 'registry'), logger }),
  ]);
  const system = await startSystem({
    ...options,
    env: {
      STOWAGE_LAYERDISK: layerdisk,
      STOWAGE_MOVER: mover,
      STOWAGE_SPOOL_DIR: join(directory, 'spool'),
      STOWAGE_REGISTRY_MIRRORS: `docker.io=${registry.url}`,
      ...options.env,
    },
  });
  const push = (name: string, tag: string, image: Image | ImageIndex): Promise<string> =>
    pushImage({ registryUrl: registry.url, name, tag, image });
  return {
    ...system,
    registry,
    push,
    async flush() {
      const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
      await redis.flushall();
      redis.disconnect();
    },
    async pushSample(sample, variant) {
      const { name, tag, image } = await sampleImage(sample, {
        cacheDir: imageCacheDir(ROOT),
        ...(variant === undefined ? {} : { variant }),
      });
      return push(name, tag, image);
    },
    async close() {
      await system.close();
      await registry.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
