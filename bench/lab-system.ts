import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { z } from 'zod';
import type { JobId } from '../core/ids.ts';
import type { JsonObject } from '../core/job.ts';
import { ALL_KINDS } from '../jobs/all.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { createSubmit } from '../jobs/submit.ts';
import { compileCache, WORKER_FLAGS } from '../lab/node-process.ts';
import { LAB_CONTAINERS, LAB_IMAGE_STORE, LAB_VOLUME_STORES, type LabVcenter, startVcenter } from '../lab/vcenter.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { parseImageStore } from '../platform/registry-values.ts';
import { parseVolumeStores } from '../platform/volume-stores.ts';
import { openStore, type Store } from '../store/open.ts';
import { type BenchRedis, openBenchRedis } from './rig.ts';
import { createWorld } from '../jobs/world.ts';

// The whole product on a lab: Redis, the lab's vCenter and worker processes; this process submits.

export const ROOT = resolve(import.meta.dirname, '..');
const LONGEST_JOB_MS = 300_000;

export interface BenchVcenter {
  readonly vcenter: LabVcenter;
  /** Calls since the last time this was asked, by SOAP method or `<verb> /folder`. */
  takeCalls(): Promise<Readonly<Record<string, number>>>;
  /** Makes every Task of these methods take so long, in ms, before it has its effect. */
  slowTasks(methods: readonly string[], ms: number): Promise<void>;
  /** Asks the lab for something: what it does to hosts, or shows of machines. */
  lab(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function openBenchVcenter(): Promise<BenchVcenter> {
  const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  const logger = pino({ level: 'error' });
  const vcenter = await startVcenter({ root: ROOT, dir, listen: { host: '127.0.0.1', port: 0 }, logger });
  const control = (path: string): URL => new URL(path, vcenter.labUrl.replace(/\/?$/, '/'));
  const calls = control('calls');
  const lab = async (method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> => {
    const reply = await fetch(control(path), { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (!reply.ok) throw new Error(`${method} ${path}: HTTP ${reply.status} ${await reply.text()}`);
    return reply.json();
  };
  const figures = z.object({ byMethod: z.record(z.string(), z.number()), folder: z.record(z.string(), z.number()) });
  return {
    vcenter,
    async takeCalls() {
      const { byMethod, folder } = figures.parse(await (await fetch(calls)).json());
      await fetch(calls, { method: 'DELETE' });
      const files = Object.entries(folder).map(([verb, count]) => [`${verb} /folder`, count] as const);
      return { ...byMethod, ...Object.fromEntries(files) };
    },
    async slowTasks(methods, ms) {
      for (const method of methods) await lab('POST', 'task-latency', { method, ms });
    },
    lab,
    async close() {
      await vcenter.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface LabSystem {
  readonly redis: BenchRedis['redis'];
  readonly store: Store;
  /** Of the worker processes. */
  readonly workerPids: readonly number[];
  /** Submits a job and resolves when it is over. @throws when it does not succeed */
  run(kind: string, payload: JsonObject): Promise<JobId>;
  close(): Promise<void>;
}

export async function openLabSystem(
  { vcenter }: BenchVcenter,
  options: {
    readonly workers: number;
    readonly concurrency: number;
    /** More settings of the workers. */
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<LabSystem> {
  const { redis, close: closeRedis } = await openBenchRedis();
  const env = {
    PATH: process.env['PATH'] ?? '',
    ...compileCache(ROOT),
    REDIS_URL: redis.url,
    VCENTER_URL: vcenter.url,
    VCENTER_USER: vcenter.user,
    VCENTER_PASSWORD: vcenter.password,
    STOWAGE_VOLUME_STORES: LAB_VOLUME_STORES,
    STOWAGE_IMAGE_STORE: LAB_IMAGE_STORE,
    STOWAGE_WORKER_CONCURRENCY: String(options.concurrency),
    STOWAGE_WORKER_LISTEN: '127.0.0.1:0',
    // The product's own level: what it writes is part of what it costs.
    STOWAGE_LOG_LEVEL: 'info',
    ...options.env,
  };
  const workers = await Promise.all(Array.from({ length: options.workers }, () => startWorker(env)));
  const catalogue = createCatalogue(ALL_KINDS);
  const nowMs = (): number => systemClock.nowMs();
  const store = openStore({
    address: parseRedisUrl(redis.url),
    prefix: 'stowage',
    patience: 'worker',
    lanes: catalogue.lanes,
    process: 'bench',
    historyJobs: 10_000,
    logger: pino({ level: 'error' }),
    nowMs,
    randomBytes,
  });
  const world = createWorld({
    volumeStores: parseVolumeStores(LAB_VOLUME_STORES),
    images: { store: parseImageStore(LAB_IMAGE_STORE) },
    containers: LAB_CONTAINERS,
  });
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await Promise.all(workers.map(endProcess));
    await store.close();
    await closeRedis();
  };
  const submit = createSubmit({ catalogue, world, jobs: store.jobs, records: store.records, nowMs, randomBytes });
  return {
    redis,
    store,
    workerPids: workers.map((worker) => worker.pid ?? 0),
    async run(kind, payload) {
      const { id } = await submit(kind, payload, { actor: 'bench', role: 'admin' });
      const job = await store.jobs.waitUntilOver(id, AbortSignal.timeout(LONGEST_JOB_MS));
      if (job?.state !== 'succeeded') throw new Error(`${kind} ended ${job?.state}: ${JSON.stringify(job?.error)}`);
      return id;
    },
    close: () => (closing ??= close()),
  };
}

async function startWorker(env: NodeJS.ProcessEnv): Promise<ChildProcess> {
  // For profiles of the workers, e.g. --cpu-prof --cpu-prof-dir=…
  const flags = (process.env['BENCH_WORKER_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const worker = spawn(process.execPath, [...WORKER_FLAGS, ...flags, join(ROOT, 'workers/main.ts')], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: worker.stdout })) if (line.includes('"msg":"working"')) break;
  if (worker.exitCode !== null) throw new Error('the worker ended before it worked');
  worker.stdout.resume();
  return worker;
}

/** Ends a child process as a supervisor would. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
