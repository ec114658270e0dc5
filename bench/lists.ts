import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { z } from 'zod';
import type { JobId } from '../core/ids.ts';
import { LAB_VOLUME_STORES } from '../lab/vcenter.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { openStore, type Store } from '../store/open.ts';
import { type Bench, number } from './bench.ts';
import { cpuMsOf, redisMicros } from './cpu.ts';
import { endProcess, ROOT } from './lab-system.ts';
import { fillDay } from './lists-world.ts';
import { type BenchRedis, machineLine, median, openBenchRedis, quantile } from './rig.ts';

// Every listing of the REST face on a real Redis with a day's jobs in it: an api process, one request after another.

const PREFIX = 'stowage';
const GOAL_MS = 200;
const KEY = 'bench-key-of-this-run-only';

function openFilled(redis: BenchRedis['redis']): Store {
  return openStore({
    address: parseRedisUrl(redis.url),
    prefix: PREFIX,
    patience: 'worker',
    lanes: ['default'],
    process: 'bench',
    historyJobs: 200_000,
    logger: pino({ level: 'error' }),
    nowMs: () => systemClock.nowMs(),
    randomBytes,
  });
}

/** What is asked for. An hour is a part of the day that was filled in; a text that nothing has makes a listing look at all it may. */
function pathsOf({ parent, dead }: { readonly parent: JobId; readonly dead: JobId }): readonly string[] {
  const now = Date.now();
  const time = (hoursAgo: number): string => new Date(now - hoursAgo * 3_600_000).toISOString();
  const jobs = [
    '',
    'limit=200',
    'state=dead',
    'state=dead&limit=200',
    'state=waiting,running',
    'state=succeeded&kind=volume.create',
    'kind=image.pull',
    'resource=volume:vol_7',
    'actor=key:ci',
    'actor=nobody',
    `since=${time(6)}&until=${time(5)}`,
    `until=${time(12)}&state=dead`,
    'code=store-full',
    'code=worker-lost',
    'code=store-full&kind=volume.create&state=dead',
    'fingerprint=0123456789abcdef',
    'text=vol_1234',
    'text=nothing-has-this',
    'text=ds-7&state=dead',
    'text=nothing-has-this&state=dead&limit=200',
    `parent=${parent}`,
  ];
  return [
    ...jobs.map((query) => `/v1/jobs?${query}`),
    `/v1/jobs/${dead}`,
    `/v1/jobs/${dead}/trail`,
    `/v1/jobs/${parent}/trail`,
    '/v1/dead-letters/groups',
    '/v1/dead-letters/groups?limit=200',
    '/v1/overview',
    '/v1/events',
    '/v1/events?limit=200',
    `/v1/events?subject=job:${dead}`,
    '/v1/events?type=job.discarded',
    '/v1/events?type=webhook.disabled',
    '/v1/audit?limit=200',
    '/v1/audit?actor=docker:bob&action=cancelJob',
    '/v1/audit?actor=nobody',
    '/v1/recoveries',
    '/v1/volumes',
    '/v1/volumes?state=failed',
    '/v1/containers',
    '/v1/hosts',
    '/v1/hosts/esx-1.example.com',
    '/v1/stores',
    '/metrics',
  ];
}

interface Sample {
  readonly status: number;
  /** Until the head of the answer has come: what the server takes. */
  readonly ms: number;
  readonly bytes: number;
  readonly next?: string | undefined;
}

const body = z.object({ next: z.string().optional() });

async function ask(origin: string, path: string): Promise<Sample> {
  const begun = performance.now();
  const request = get(`${origin}${path}`, { headers: { authorization: `Bearer ${KEY}` } });
  const [response] = await once(request, 'response');
  const ms = performance.now() - begun;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  const isJson = String(response.headers['content-type']).includes('json');
  return {
    status: response.statusCode,
    ms,
    bytes: Buffer.byteLength(text),
    next: isJson ? body.safeParse(JSON.parse(text)).data?.next : undefined,
  };
}

interface Row {
  readonly path: string;
  readonly medianMs: number;
  readonly worstMs: number;
  /** Of the api process, a request. */
  readonly cpuMs: number;
  /** Of Redis' main thread, a request. */
  readonly redisMs: number;
  readonly bytes: number;
}

/** Its first page, and the second where there is one. Shared answers are asked for anew: a pause of their time is made before each. */
async function measure(
  { origin, pid, admin }: Api & { readonly admin: Redis },
  path: string,
  times: number,
): Promise<readonly Row[]> {
  const first = await ask(origin, path);
  if (first.status === 404) return [];
  if (first.status !== 200) throw new Error(`${path} answers ${first.status}`);
  const pages = [
    path,
    ...(first.next === undefined ? [] : [`${path}${path.includes('?') ? '&' : '?'}cursor=${first.next}`]),
  ];
  const rows: Row[] = [];
  for (const page of pages) {
    const samples: Sample[] = [];
    const cpuBefore = cpuMsOf(pid);
    const redisBefore = await redisMicros(admin);
    for (let time = 0; time < times; time += 1) {
      if (path === '/v1/overview') await new Promise((resolve) => setTimeout(resolve, 1_050));
      samples.push(await ask(origin, page));
    }
    const all = samples.map(({ ms }) => ms);
    const cpuMs = (cpuMsOf(pid) - cpuBefore) / times;
    const redisMs = ((await redisMicros(admin)) - redisBefore) / 1_000 / times;
    const name = page === path ? path : `${path} (page 2)`;
    rows.push({
      path: name,
      medianMs: median(all),
      worstMs: quantile(all, 1),
      cpuMs,
      redisMs,
      bytes: samples[0]?.bytes ?? 0,
    });
  }
  return rows;
}

interface Api {
  readonly origin: string;
  readonly pid: number;
  close(): Promise<void>;
}

async function startApi(redis: BenchRedis['redis'], dir: string): Promise<Api> {
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
      STOWAGE_API_KEY: KEY,
      STOWAGE_LOG_LEVEL: 'info',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let origin = '';
  for await (const line of createInterface({ input: child.stdout })) {
    origin = /"address":"([^"]+)".*"msg":"listening"/.exec(line)?.[1] ?? '';
    if (origin !== '') break;
  }
  if (origin === '') throw new Error('the api ended before it listened');
  child.stdout.resume();
  const url = origin.includes('://') ? origin : `http://${origin}`;
  return { origin: url, pid: child.pid ?? 0, close: () => endProcess(child) };
}

function report(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ path }) => path.length));
  console.log(`${'GET'.padEnd(width)}  median   worst     api   redis      KB`);
  for (const { path, medianMs, worstMs, cpuMs, redisMs, bytes } of rows) {
    const cells = [
      medianMs.toFixed(1),
      worstMs.toFixed(1),
      cpuMs.toFixed(1),
      redisMs.toFixed(1),
      (bytes / 1_000).toFixed(1),
    ].map((cell) => cell.padStart(6));
    console.log(`${path.padEnd(width)}  ${cells.join('  ')}${worstMs < GOAL_MS ? '' : '  over'}`);
  }
  const over = rows.filter(({ worstMs }) => worstMs >= GOAL_MS).length;
  console.log(
    `ms; api and redis: their CPU. ${rows.length} listings; goal: each under ${GOAL_MS} ms in the server; over: ${over}`,
  );
}

export const lists: Bench = {
  summary:
    'Every listing of the REST face with many jobs and dead letters in Redis. Goal: each under 200 ms in the server.',
  options: {
    jobs: { means: 'jobs beside the dead letters', default: '100000' },
    dead: { means: 'dead letters', default: '20000' },
    audit: { means: 'entries of the audit log', default: '100000' },
    times: { means: 'how often each is asked for', default: '20' },
  },
  async run(given) {
    const times = number(given, 'times');
    const day = { jobs: number(given, 'jobs'), dead: number(given, 'dead'), audit: number(given, 'audit') };
    const redis = await openBenchRedis();
    const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
    const store = openFilled(redis.redis);
    const begun = performance.now();
    const marks = await fillDay(store, day);
    const seconds = (performance.now() - begun) / 1_000;
    const { byState } = await store.jobs.figures();
    await store.close();
    const api = await startApi(redis.redis, dir);
    const admin = new Redis({ path: redis.redis.socketPath, password: redis.redis.password });
    try {
      console.log(machineLine());
      const states = Object.entries(byState).map(([state, count]) => `${count} ${state}`);
      console.log(
        `jobs: ${states.join(', ')}; ${day.audit} entries of the audit log; filled in ${seconds.toFixed(0)} s`,
      );
      const rows: Row[] = [];
      for (const path of pathsOf(marks)) rows.push(...(await measure({ ...api, admin }, path, times)));
      report(rows);
    } finally {
      admin.disconnect();
      await api.close();
      await rm(dir, { recursive: true, force: true });
      await redis.close();
    }
  },
};
