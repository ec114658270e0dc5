import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import {
  type JobId,
  newJobId,
  parseVolumeName,
  resourceKey,
  type ResourceKey,
  type VolumeName,
} from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { AcquireOutcome, Claim, Submission } from '../../core/ports/jobs.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { startRedis } from '../../lab/redis.ts';
import { randomBytes } from '../../platform/clock.ts';
import { parseRedisUrl } from '../../platform/redis-url.ts';
import { openStore, type Store, type StoreOptions } from '../../store/open.ts';

/** A private server with the store on it; nothing consumes its queues, so tests do what workers would. */
export interface StoreBed {
  readonly store: Store;
  readonly redis: Redis;
  /** For another process; it has the password. */
  readonly url: string;
  /** Another process' view of the same. */
  open(options?: Partial<StoreOptions>): Store;
  /** Accepts a job on these resources. */
  submit(resources: readonly string[], more?: Partial<Submission>): Promise<JobId>;
  /** As a worker with the newest entry would. */
  acquire(id: JobId, store?: Store): Promise<AcquireOutcome>;
  claim(id: JobId, store?: Store): Promise<Claim>;
  succeed(id: JobId): Promise<void>;
  read(id: JobId): Promise<Job>;
  /** Whether a worker would be woken for it: BullMQ has its newest entry. */
  hasEntry(id: JobId): Promise<boolean>;
  close(): Promise<void>;
}

/** The server's path, or undefined when it is not on the PATH. */
export function serverOnPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @param server path of a redis-server or valkey-server */
export async function openStoreBed(server: string): Promise<StoreBed> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-store-'));
  const logger = pino({ level: 'silent' });
  await mkdir(join(directory, 'bin'));
  await symlink(server, join(directory, 'bin', 'redis-server'));
  const env = { ...process.env, PATH: `${join(directory, 'bin')}${delimiter}${process.env['PATH'] ?? ''}` };
  const running = await startRedis({ dir: join(directory, 'data'), logger, env });
  const redis = new Redis({ path: running.socketPath, password: running.password });
  const opened: Store[] = [];
  const open = (options: Partial<StoreOptions> = {}): Store => {
    const store = openStore({
      address: parseRedisUrl(running.url),
      prefix: 'bed',
      patience: 'worker',
      lanes: ['default'],
      process: `test-${opened.length}`,
      historyJobs: 100,
      logger,
      nowMs: () => Date.now(),
      randomBytes,
      ...options,
    });
    opened.push(store);
    return store;
  };
  return {
    ...operationsOf(open(), redis),
    url: running.url,
    open,
    async close() {
      await Promise.all(opened.map((store) => store.close()));
      redis.disconnect();
      await running.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function operationsOf(store: Store, redis: Redis): Omit<StoreBed, 'open' | 'close' | 'url'> {
  const wakeOf = async (id: JobId): Promise<number> => Number(await redis.hget(`{bed}:job:${id}`, 'wake'));
  const acquire = async (id: JobId, by: Store = store): Promise<AcquireOutcome> =>
    by.claims.acquire(id, 'tester', await wakeOf(id));
  const claim = async (id: JobId, by: Store = store): Promise<Claim> => {
    const outcome = await acquire(id, by);
    if (outcome.outcome !== 'acquired') throw new Error(`job ${id} is ${outcome.outcome}`);
    return outcome.claim;
  };
  return {
    store,
    redis,
    acquire,
    claim,
    async submit(resources, more = {}) {
      return (await store.jobs.submit(submissionOf(resources, more))).id;
    },
    async succeed(id) {
      await store.claims.commit(await claim(id), { end: { state: 'succeeded', result: {} } });
    },
    async read(id) {
      const job = await store.jobs.read(id);
      if (job === undefined) throw new Error(`no job ${id}`);
      return job;
    },
    hasEntry: async (id) => (await redis.exists(`{bed}:bull:default:${id}.${await wakeOf(id)}`)) === 1,
  };
}

export function submissionOf(resources: readonly string[], more: Partial<Submission> = {}): Submission {
  return {
    id: newJobId(Date.now(), randomBytes(10)),
    kind: 'test.kind',
    lane: 'default',
    payload: {},
    resources: resources.map((name): ResourceKey => resourceKey('volume', name)),
    stepNames: ['one', 'two'],
    actor: 'test',
    maxAttempts: 3,
    deadlineMs: 60_000,
    ...more,
  };
}

export function volumeRecord(text: string, state: VolumeRecord['state'] = 'available'): VolumeRecord {
  const name: VolumeName | undefined = parseVolumeName(text);
  if (name === undefined) throw new TypeError(`${text} names no volume`);
  const now = new Date().toISOString();
  return {
    type: 'volume',
    name,
    state,
    spec: {
      store: 'default',
      capacityBytes: 1_048_576,
      diskFormat: 'thin',
      access: 'read-write',
      fileSystem: 'ext4',
      labels: {},
    },
    holders: [],
    createdAt: now,
    updatedAt: now,
  };
}
