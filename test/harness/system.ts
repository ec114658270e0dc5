import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { JobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { ALL_KINDS } from '../../jobs/all.ts';
import type { World } from '../../jobs/define.ts';
import { createCatalogue } from '../../jobs/registry.ts';
import { createSubmit, type Submit } from '../../jobs/submit.ts';
import { compileCache } from '../../lab/node-process.ts';
import { type LabRedis, startRedis } from '../../lab/redis.ts';
import { LAB_CONTAINERS, LAB_IMAGE_STORE, LAB_VOLUME_STORES } from '../../lab/vcenter.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { parseRedisUrl } from '../../platform/redis-url.ts';
import { parseImageStore } from '../../platform/registry-values.ts';
import { parseVolumeStores } from '../../platform/volume-stores.ts';
import { openStore, type Store } from '../../store/open.ts';
import { type RunningVcenter, startVcenter, type VcenterOptions } from './vcenter.ts';
import { createWorld } from '../../jobs/world.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Ends what hangs. Above what any job here takes on a machine that is busy with other things. */
const WAIT_MS = 90_000;
/** A worker that is told to stop closes what it has open; longer than its own deadlines for that. */
const STOP_MS = 30_000;

export interface SystemOptions {
  /** How many `workers/main.ts` to start with. Default: 1. */
  readonly workers?: number;
  /**
   * Of the queue's locks: how soon another worker takes over from one that died. A worker that waits longer for a CPU loses its claims
   * too, and its jobs have attempts that a test does not expect. Default: 3,000.
   */
  readonly lockMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly vcenter?: VcenterOptions;
}

export interface WorkerProcess {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  readonly logFile: string;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/** A lab with real processes: Redis, the lab's vCenter, and workers; the test itself is the face that submits. */
export interface System {
  readonly directory: string;
  readonly redis: LabRedis;
  readonly vcenter: RunningVcenter;
  readonly store: Store;
  readonly submit: Submit;
  readonly world: World;
  /** What a process of the product needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** @param program below the repository; default `workers/main.ts` */
  startWorker(options?: {
    readonly program?: string;
    readonly env?: Readonly<Record<string, string>>;
  }): Promise<WorkerProcess>;
  /** Submits, and resolves with the job's id. */
  begin(kind: string, payload: JsonObject): Promise<JobId>;
  /** Resolves with the job when it is over; fails after 90 s, saying where the job stands. */
  end(id: JobId, timeoutMs?: number): Promise<Job>;
  /** begin and end. */
  run(kind: string, payload: JsonObject, timeoutMs?: number): Promise<Job>;
  volume(name: string): Promise<VolumeRecord | undefined>;
  /** One of the lab's controls, e.g. `lab('POST', '/faults', {…})`. */
  lab(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-system-'));
  const logger = pino({ level: 'error' }, pino.destination(join(directory, 'test.log')));
  const [redis, vcenter] = await Promise.all([
    startRedis({ dir: join(directory, 'redis'), logger }),
    startVcenter('lab', options.vcenter ?? {}),
  ]);
  const catalogue = createCatalogue(ALL_KINDS);
  const world = createWorld({
    volumeStores: parseVolumeStores(LAB_VOLUME_STORES),
    images: { store: parseImageStore(LAB_IMAGE_STORE) },
    containers: LAB_CONTAINERS,
  });
  const store = openStore({
    address: parseRedisUrl(redis.url),
    prefix: 'stowage',
    patience: 'worker',
    lanes: catalogue.lanes,
    process: 'test',
    historyJobs: 100_000,
    logger,
    nowMs: () => systemClock.nowMs(),
    randomBytes,
  });
  const submit = createSubmit({
    catalogue,
    world,
    jobs: store.jobs,
    records: store.records,
    nowMs: () => systemClock.nowMs(),
    randomBytes,
  });
  const env = {
    REDIS_URL: redis.url,
    VCENTER_URL: vcenter.url,
    VCENTER_USER: vcenter.user,
    VCENTER_PASSWORD: vcenter.password,
    STOWAGE_VOLUME_STORES: LAB_VOLUME_STORES,
    STOWAGE_IMAGE_STORE: LAB_IMAGE_STORE,
    STOWAGE_DATA_DIR: directory,
    STOWAGE_LOCK_MS: String(options.lockMs ?? 3_000),
    STOWAGE_WORKER_LISTEN: '127.0.0.1:0',
    STOWAGE_LOG_LEVEL: 'info',
    ...options.env,
  };
  const workers: WorkerProcess[] = [];
  const system = assemble({ directory, redis, vcenter, store, submit, world, env, workers });
  await Promise.all(Array.from({ length: options.workers ?? 1 }, () => system.startWorker()));
  return system;
}

interface SystemParts {
  readonly directory: string;
  readonly redis: LabRedis;
  readonly vcenter: RunningVcenter;
  readonly store: Store;
  readonly submit: Submit;
  readonly world: World;
  readonly env: Readonly<Record<string, string>>;
  readonly workers: WorkerProcess[];
}

function assemble(parts: SystemParts): System {
  const { directory, redis, vcenter, store, submit, workers } = parts;
  const begin = async (kind: string, payload: JsonObject): Promise<JobId> =>
    (await submit(kind, payload, { actor: 'test', role: 'admin' })).id;
  const end = async (id: JobId, timeoutMs = WAIT_MS): Promise<Job> => {
    const job = await store.jobs.waitUntilOver(id, AbortSignal.timeout(timeoutMs));
    if (job === undefined) throw new Error(`job ${id} is gone`);
    if (job.state === 'waiting' || job.state === 'running') {
      throw new Error(`job ${id} is not over after ${timeoutMs} ms: ${JSON.stringify(job, null, 1)}`);
    }
    return job;
  };
  return {
    ...parts,
    async startWorker(worker = {}) {
      const started = await startWorkerProcess({
        directory,
        index: workers.length,
        program: worker.program ?? 'workers/main.ts',
        env: { ...parts.env, ...worker.env },
      });
      workers.push(started);
      return started;
    },
    begin,
    end,
    run: async (kind, payload, timeoutMs) => end(await begin(kind, payload), timeoutMs),
    volume: async (name) => (await store.records.read('volume', name))?.record,
    async lab(method, path, body) {
      const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
      const response = await fetch(`${vcenter.labUrl}${path}`, init);
      if (!response.ok) throw new Error(`${method} /lab${path}: HTTP ${response.status} ${await response.text()}`);
      return response.json();
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await store.close();
      await Promise.all([redis.stop(), vcenter.stop()]);
      if (process.env['KEEP'] === undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Starts a worker and waits until it works (its log says so). */
async function startWorkerProcess(parts: {
  readonly directory: string;
  readonly index: number;
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<WorkerProcess> {
  const logFile = join(parts.directory, `worker-${parts.index}.log`);
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, parts.program)], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', ...compileCache(ROOT), ...parts.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile);
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const exited = once(child, 'exit').then(() => undefined);
  await Promise.race([untilLogSays(logFile, '"msg":"working"'), exited]);
  if (child.exitCode !== null) throw new Error(`the worker ended: ${await readFile(logFile, 'utf8')}`);
  return {
    pid: child.pid ?? 0,
    exited,
    logFile,
    kill: (signal) => void child.kill(signal),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(giveUp);
    },
  };
}

async function untilLogSays(logFile: string, text: string): Promise<void> {
  const endAt = performance.now() + WAIT_MS;
  while (performance.now() < endAt) {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    if (log.includes(text)) return;
    await sleep(25);
  }
  throw new Error(`${logFile} does not say ${text}: ${await readFile(logFile, 'utf8').catch(() => '')}`);
}
