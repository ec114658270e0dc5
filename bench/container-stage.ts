import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { buildGo } from '../lab/go.ts';
import { pushImage } from '../lab/images/push.ts';
import { imageCacheDir, sampleImage } from '../lab/images/samples.ts';
import { startRegistry } from '../lab/registry.ts';
import { type Given, number } from './bench.ts';
import { type BenchVcenter, type LabSystem, openBenchVcenter, openLabSystem, ROOT } from './lab-system.ts';

/** Workers on a lab, with a small image that is pulled. */
export interface ContainerStage {
  readonly bed: BenchVcenter;
  readonly system: LabSystem;
  readonly image: string;
  close(): Promise<void>;
}

/** With `workers` and `width` as given. @param more settings of the workers */
export async function openContainerStage(
  given: Given,
  more: Readonly<Record<string, string>> = {},
): Promise<ContainerStage> {
  const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  const logger = pino({ level: 'error' });
  const build = { root: ROOT, program: '.', env: process.env, logger };
  const layerdisk = await buildGo({ ...build, module: 'registry/layerdisk' });
  const mover = await buildGo({ ...build, module: 'vsphere/mover' });
  const { name, tag, image } = await sampleImage('busybox', { cacheDir: imageCacheDir(ROOT) });
  const registry = await startRegistry({ dir: join(dir, 'registry'), logger });
  await pushImage({ registryUrl: registry.url, name, tag, image });
  const bed = await openBenchVcenter();
  const system = await openLabSystem(bed, {
    workers: number(given, 'workers'),
    concurrency: number(given, 'width'),
    env: {
      STOWAGE_LAYERDISK: layerdisk,
      STOWAGE_MOVER: mover,
      STOWAGE_SPOOL_DIR: join(dir, 'spool'),
      STOWAGE_REGISTRY_MIRRORS: `docker.io=${registry.url}`,
      ...more,
    },
  });
  await system.run('image.pull', { reference: `${name}:${tag}` });
  return {
    bed,
    system,
    image: `${name}:${tag}`,
    async close() {
      await system.close();
      await bed.close();
      await registry.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
