import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { buildGo } from '../lab/go.ts';
import type { Image, ImageIndex } from '../lab/images/image.ts';
import { pushImage } from '../lab/images/push.ts';
import { imageCacheDir, type SampleName, sampleImage } from '../lab/images/samples.ts';
import { startRegistry } from '../lab/registry.ts';
import { type Bench, type Given, number } from './bench.ts';
import { childrenCpuMsOf, cpuMsOf } from './cpu.ts';
import { pullByHand } from './image-peer.ts';
import { type BenchVcenter, type LabSystem, openBenchVcenter, openLabSystem, ROOT } from './lab-system.ts';
import { type ChildPeaks, forgetPeak, peakBytesOf, watchChildren } from './memory.ts';
import { machineLine, median } from './rig.ts';

// A pull through all of Stowage, to layer disks on a datastore of the lab that were read back, beside `skopeo copy` and the same
// conversion by hand, to files. The registry, the disk and the cores are the same.

const run = promisify(execFile);
const GOAL_MEMORY_MB = 200;

/** CPU time in ms, by whose it is. */
type Costs = Readonly<Record<string, number>>;

interface Round {
  readonly seconds: number;
  readonly cpuMs: Costs;
}

interface Stage {
  readonly dir: string;
  readonly layerdisk: string;
  /** As skopeo knows it. */
  readonly address: string;
  /** As Stowage knows it. */
  readonly reference: string;
  readonly image: Image;
  readonly bed: BenchVcenter;
  readonly system: LabSystem;
  readonly registryPid: number;
  close(): Promise<void>;
}

function isSample(name: string): name is SampleName {
  return ['busybox', 'base', 'demo', 'layers', 'big'].includes(name);
}

async function openStage(given: Given): Promise<Stage> {
  const { sample = '' } = given;
  if (!isSample(sample)) throw new RangeError(`--sample: the lab has no image "${sample}"`);
  const { name, tag, image } = await sampleImage(sample, { cacheDir: imageCacheDir(ROOT) });
  const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  const logger = pino({ level: 'error' });
  const build = { root: ROOT, program: '.', env: process.env, logger };
  const layerdisk = await buildGo({ ...build, module: 'registry/layerdisk' });
  const mover = await buildGo({ ...build, module: 'vsphere/mover' });
  const registry = await startRegistry({ dir: join(dir, 'registry'), logger });
  await pushImage({ registryUrl: registry.url, name, tag, image });
  const bed = await openBenchVcenter();
  const pulls = number(given, 'pulls');
  const system = await openLabSystem(bed, {
    workers: number(given, 'workers'),
    concurrency: 16,
    env: {
      STOWAGE_LAYERDISK: layerdisk,
      STOWAGE_MOVER: mover,
      STOWAGE_SPOOL_DIR: join(dir, 'spool'),
      STOWAGE_REGISTRY_MIRRORS: `docker.io=${registry.url}`,
      STOWAGE_PULLS: String(pulls),
      STOWAGE_PULLS_PER_REGISTRY: String(pulls),
    },
  });
  return {
    dir,
    layerdisk,
    address: `${registry.host}/${name}:${tag}`,
    reference: `${name}:${tag}`,
    image: ownImage(image),
    bed,
    system,
    registryPid: registry.pid ?? 0,
    async close() {
      await system.close();
      await bed.close();
      await registry.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Of an index, the one for this machine. */
function ownImage(image: Image | ImageIndex): Image {
  if (!('images' in image)) return image;
  const [own] = image.images;
  if (own === undefined) throw new TypeError('an index without images');
  return own;
}

/** What is to be written of the round before is none of this one's cost. */
async function timed(costs: () => Costs, work: () => Promise<void>): Promise<Round> {
  await run('sync');
  const before = costs();
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1_000;
  const cpuMs = Object.entries(costs()).map(([name, ms]) => [name, ms - (before[name] ?? 0)] as const);
  return { seconds, cpuMs: Object.fromEntries(cpuMs) };
}

const sumOver = (pids: readonly number[], of: (pid: number) => number): number =>
  pids.reduce((sum, pid) => sum + of(pid), 0);

interface Own extends Round {
  readonly workerPeakBytes: number;
  readonly children: ChildPeaks;
}

async function pullWithStowage(stage: Stage, expected: ReadonlyMap<string, number>): Promise<Own> {
  const { system, bed, reference, registryPid } = stage;
  const { workerPids } = system;
  const costs = (): Costs => ({
    worker: sumOver(workerPids, cpuMsOf),
    'layerdisk and mover': sumOver(workerPids, childrenCpuMsOf),
    'lab vCenter': cpuMsOf(bed.vcenter.pid ?? 0),
    Redis: cpuMsOf(system.redis.pid ?? 0),
    registry: cpuMsOf(registryPid),
  });
  for (const pid of workerPids) forgetPeak(pid);
  let round: Round | undefined;
  const children = await watchChildren(workerPids, async () => {
    round = await timed(costs, async () => void (await system.run('image.pull', { reference })));
  });
  if (round === undefined) throw new Error('nothing was pulled');
  const workerPeakBytes = Math.max(...workerPids.map((pid) => peakBytesOf(pid) ?? 0));
  await removeImage(system, expected);
  return { ...round, workerPeakBytes, children };
}

/** @throws when it was not as by hand, or something of it stays */
async function removeImage({ store, run: runJob }: LabSystem, expected: ReadonlyMap<string, number>): Promise<void> {
  const layers = await store.records.list('layer', { limit: 1_000 });
  for (const { record } of layers.items)
    if (record.disk?.sizeBytes !== expected.get(record.name)) throw new Error(`${record.name} is another disk`);
  if (layers.items.length !== expected.size) throw new Error(`${layers.items.length} layers, not ${expected.size}`);
  for (const { record } of (await store.records.list('image', { limit: 1_000 })).items)
    await runJob('image.remove', { image: record.name, force: true });
  const left = await store.records.list('layer', { limit: 1 });
  if (left.items.length > 0) throw new Error('a layer stays when its image is removed');
}

async function pullWithoutStowage(
  stage: Stage,
  width: number,
): Promise<{ readonly round: Round; readonly disks: ReadonlyMap<string, number> }> {
  const { address, layerdisk, registryPid } = stage;
  const dir = join(stage.dir, 'by-hand');
  let disks: ReadonlyMap<string, number> = new Map();
  const costs = (): Costs => ({
    'skopeo and layerdisk': childrenCpuMsOf(process.pid),
    registry: cpuMsOf(registryPid),
  });
  const round = await timed(costs, async () => {
    disks = await pullByHand({ image: address, dir, layerdisk, width });
  });
  await rm(dir, { recursive: true, force: true });
  return { round, disks };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

function report(name: string, rounds: readonly Round[]): void {
  const parts = Object.keys(rounds[0]?.cpuMs ?? {}).map((part) => {
    const seconds = median(rounds.map((round) => round.cpuMs[part] ?? 0)) / 1_000;
    return `${part} ${seconds.toFixed(2)}`;
  });
  const seconds = rounds.map((round) => round.seconds);
  const each = seconds.map((value) => value.toFixed(2)).join(' ');
  console.log(`  ${name}: ${median(seconds).toFixed(2)} s (rounds: ${each}); s of CPU: ${parts.join(', ')}`);
}

function reportRatio(own: readonly Own[], peer: readonly Round[]): void {
  const ratios = own.map((round, index) => (peer[index]?.seconds ?? Number.NaN) / round.seconds);
  const each = ratios.map((ratio) => ratio.toFixed(2)).join(' ');
  console.log(`  ratio: by hand takes ${median(ratios).toFixed(2)} times as long (rounds: ${each}); goal 1.00`);
  const worker = Math.max(...own.map((round) => round.workerPeakBytes));
  const one = Math.max(...own.map((round) => round.children.oneBytes));
  const all = Math.max(...own.map((round) => round.children.allBytes));
  console.log(
    `  memory at its peak: worker process ${megabytes(worker)} MB; goal under ${GOAL_MEMORY_MB}; a layerdisk or mover ${megabytes(one)} MB, all at one time ${megabytes(all)} MB`,
  );
}

export const images: Bench = {
  summary:
    'image.pull from a local registry to layer disks on the lab datastore, beside skopeo copy and the same conversion by hand. Goal: no slower.',
  options: {
    sample: { means: 'one of the images of lab/images', default: 'big' },
    rounds: { means: 'rounds of each side', default: '3' },
    workers: { means: 'worker processes', default: '1' },
    pulls: { means: 'layers that a worker fetches and unpacks at once', default: '3' },
    width: { means: 'conversions by hand at once', default: '2' },
  },
  async run(given) {
    const stage = await openStage(given);
    const width = number(given, 'width');
    const own: Own[] = [];
    const peer: Round[] = [];
    try {
      console.log(`${machineLine()}; ${given['workers']} worker process(es), ${given['pulls']} layers at once in each`);
      // Both once for nothing: the files of the registry are in the page cache then, and programs and connections warm.
      const { disks } = await pullWithoutStowage(stage, width);
      await pullWithStowage(stage, disks);
      for (let index = 0; index < number(given, 'rounds'); index += 1) {
        own.push(await pullWithStowage(stage, disks));
        peer.push((await pullWithoutStowage(stage, width)).round);
      }
      const blobBytes = stage.image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
      const diskBytes = [...disks.values()].reduce((sum, bytes) => sum + bytes, 0);
      console.log(
        `${stage.reference}: ${stage.image.layers.length} layers, ${megabytes(blobBytes)} MB on the wire, ${megabytes(diskBytes)} MB of disks; ${given['rounds']} rounds:`,
      );
      report('Stowage', own);
      report(`skopeo copy, then ${width} layerdisk at once`, peer);
      reportRatio(own, peer);
    } finally {
      await stage.close();
    }
  },
};
