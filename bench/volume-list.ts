import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { datastorePath, moref, parseDiskUuid, parseVolumeName, type VolumeName } from '../core/ids.ts';
import type { RecordStore } from '../core/ports/jobs.ts';
import type { VolumeRecord } from '../core/volume.ts';
import { ALL_KINDS } from '../jobs/all.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { LAB_VOLUME_STORES } from '../lab/vcenter.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { openStore } from '../store/open.ts';
import { type Bench, number } from './bench.ts';
import { cpuMsOf } from './cpu.ts';
import { endProcess, ROOT } from './lab-system.ts';
import { type BenchRedis, machineLine, median, openBenchRedis, quantile } from './rig.ts';

// `GET /volumes` of the Docker face: an api process, a real Redis, and volumes that were written straight into it.

const run = promisify(execFile);
const RECORDS_AT_ONCE = 500;
const PREFIX = 'stowage';
const GOAL_MS = 300;
const MAX_OUTPUT = 64 * 1_048_576;

async function fill({ redis }: BenchRedis, count: number): Promise<void> {
  const store = openStore({
    address: parseRedisUrl(redis.url),
    prefix: PREFIX,
    patience: 'worker',
    lanes: createCatalogue(ALL_KINDS).lanes,
    process: 'bench',
    historyJobs: 1_000,
    logger: pino({ level: 'error' }),
    nowMs: () => systemClock.nowMs(),
    randomBytes,
  });
  try {
    for (let from = 0; from < count; from += RECORDS_AT_ONCE)
      await write(store.records, from, Math.min(count, from + RECORDS_AT_ONCE));
  } finally {
    await store.close();
  }
}

async function write(records: RecordStore, from: number, to: number): Promise<void> {
  const changes = Array.from({ length: to - from }, (_, index) => ({
    op: 'put' as const,
    record: recordOf(from + index),
    expectedRev: 0,
  }));
  const outcome = await records.observe(changes, []);
  if (outcome !== 'done') throw new Error(`the volumes are not written: ${outcome}`);
}

/** As `volume.create` leaves them; every third is held by a machine, and every other one has labels. */
function recordOf(index: number): VolumeRecord {
  const name = nameOf(index);
  const home = datastorePath('shared-1', `stowage/volumes/${name}`);
  const hex = index.toString(16).padStart(12, '0');
  const uuid = parseDiskUuid(`6000c29a-0000-4000-8000-${hex}`);
  const at = new Date(Date.UTC(2026, 0, 1) + index * 1_000).toISOString();
  return {
    type: 'volume',
    name,
    state: 'available',
    spec: {
      store: 'default',
      capacityBytes: 10_000_000_000,
      diskFormat: 'thin',
      access: 'read-write',
      fileSystem: 'ext4',
      labels: index % 2 === 0 ? {} : { team: `team-${index % 20}`, project: 'bench' },
    },
    place: {
      datastore: 'shared-1',
      home,
      backing: 'block',
      disk: {
        path: datastorePath('shared-1', `stowage/volumes/${name}/${name}.vmdk`),
        ...(uuid === undefined ? {} : { uuid }),
      },
    },
    holders:
      index % 3 === 0
        ? [{ machine: moref('VirtualMachine', `vm-${index}`), machineName: `host-${index}`, access: 'read-write' }]
        : [],
    createdAt: at,
    updatedAt: at,
  };
}

function nameOf(index: number): VolumeName {
  const name = parseVolumeName(`bench_volume_${index.toString().padStart(6, '0')}`);
  if (name === undefined) throw new TypeError('a name that names no volume');
  return name;
}

interface Api {
  /** `127.0.0.1:2375` */
  readonly address: string;
  readonly pid: number;
  close(): Promise<void>;
}

async function startApi({ redis }: BenchRedis, dir: string): Promise<Api> {
  const flags = (process.env['BENCH_API_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const child = spawn(process.execPath, [...flags, join(ROOT, 'api/main.ts')], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      REDIS_URL: redis.url,
      STOWAGE_REDIS_PREFIX: PREFIX,
      STOWAGE_VOLUME_STORES: LAB_VOLUME_STORES,
      STOWAGE_DATA_DIR: dir,
      STOWAGE_REST_LISTEN: '127.0.0.1:0',
      STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
      STOWAGE_LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let address = '';
  for await (const line of createInterface({ input: child.stdout })) {
    address = /"address":"([^"]+)".*"msg":"docker listening"/.exec(line)?.[1] ?? address;
    if (line.includes('"msg":"listening"')) break;
  }
  if (address === '') throw new Error('the api ended before it listened');
  child.stdout.resume();
  return { address, pid: child.pid ?? 0, close: () => endProcess(child) };
}

interface Sample {
  /** Until the head of the answer has come: what the server takes. */
  readonly headMs: number;
  /** Until all of it has. */
  readonly allMs: number;
  readonly body: string;
}

async function ask(address: string): Promise<Sample> {
  const begun = performance.now();
  const request = get(`http://${address}/volumes`);
  const [response] = await once(request, 'response');
  const headMs = performance.now() - begun;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const allMs = performance.now() - begun;
  return { headMs, allMs, body: Buffer.concat(chunks).toString('utf8') };
}

function countOf({ body }: Sample): number {
  const { Volumes: volumes } = JSON.parse(body) as { readonly Volumes: readonly unknown[] };
  return volumes.length;
}

async function cliSeconds(address: string, dir: string, count: number): Promise<number> {
  const begun = performance.now();
  const env = { PATH: process.env['PATH'] ?? '', DOCKER_HOST: `tcp://${address}`, DOCKER_CONFIG: dir };
  const { stdout } = await run('docker', ['volume', 'ls', '-q'], { env, maxBuffer: MAX_OUTPUT });
  const seconds = (performance.now() - begun) / 1_000;
  const lines = stdout.trim().split('\n').length;
  if (lines !== count) throw new Error(`docker volume ls shows ${lines} volumes, not ${count}`);
  return seconds;
}

function reportSamples(samples: readonly Sample[], cpuMs: number): void {
  const ms = (of: (sample: Sample) => number, q: number): string => quantile(samples.map(of), q).toFixed(0);
  const head = (sample: Sample): number => sample.headMs;
  const all = (sample: Sample): number => sample.allMs;
  console.log(
    `  in the server: p50 ${ms(head, 0.5)} ms, p99 ${ms(head, 0.99)} ms; goal under ${GOAL_MS}; ${cpuMs.toFixed(0)} ms of the api's CPU`,
  );
  console.log(`  until all of it is there: p50 ${ms(all, 0.5)} ms, p99 ${ms(all, 0.99)} ms`);
}

export const volumeList: Bench = {
  summary:
    'GET /volumes of the Docker face with many volumes, and docker volume ls -q. Goal: under 300 ms in the server.',
  options: {
    volumes: { means: 'volumes that there are', default: '10000' },
    requests: { means: 'requests measured, one after another', default: '20' },
  },
  async run(given) {
    const count = number(given, 'volumes');
    const requests = number(given, 'requests');
    const redis = await openBenchRedis();
    const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
    await fill(redis, count);
    const api = await startApi(redis, dir);
    try {
      const first = await ask(api.address);
      if (countOf(first) !== count) throw new Error(`${countOf(first)} volumes are listed, not ${count}`);
      const before = cpuMsOf(api.pid);
      const samples: Sample[] = [];
      for (let index = 0; index < requests; index += 1) samples.push(await ask(api.address));
      const cpuMs = (cpuMsOf(api.pid) - before) / requests;
      const cli: number[] = [];
      for (let index = 0; index < 3; index += 1) cli.push(await cliSeconds(api.address, dir, count));
      console.log(machineLine());
      console.log(
        `${count} volumes, ${(Buffer.byteLength(first.body) / 1e6).toFixed(1)} MB of JSON, ${requests} requests:`,
      );
      console.log(`  the first: ${first.headMs.toFixed(0)} ms in the server`);
      reportSamples(samples, cpuMs);
      console.log(`  docker volume ls -q, the whole process: ${(median(cli) * 1_000).toFixed(0)} ms`);
    } finally {
      await api.close();
      await rm(dir, { recursive: true, force: true });
      await redis.close();
    }
  },
};
