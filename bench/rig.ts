import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { z } from 'zod';
import { resourceKey } from '../core/ids.ts';
import type { CredentialRequests } from '../core/ports/credentials.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import { type AnyKind, defineKind, type ImagePorts } from '../jobs/define.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { createSubmit, type Submit } from '../jobs/submit.ts';
import { type LabRedis, startRedis } from '../lab/redis.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { openStore, type Store } from '../store/open.ts';
import { openWorker } from '../workers/open.ts';
import { createWorld } from '../jobs/world.ts';

/** A kind that does nothing, in one line or in none: what remains is what Stowage itself costs. */
const noop: AnyKind = defineKind<{ readonly line?: string | undefined }, Record<string, never>>({
  kind: 'bench.noop',
  summary: 'Does nothing.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({ line: z.string().optional() }),
  result: z.object({}),
  resources: (payload) => (payload.line === undefined ? [] : [resourceKey('system', payload.line)]),
  joins: false,
  retry: { maxAttempts: 3, baseMs: 100, capMs: 1_000 },
  deadlineMs: 60_000,
  steps: [{ name: 'nothing', isLocal: true, run: () => Promise.resolve({}) }],
  finish: () => ({}),
});

/** A kind that never ends: what stands behind it in its line waits. */
const hold: AnyKind = defineKind<{ readonly line: string }, Record<string, never>>({
  kind: 'bench.hold',
  summary: 'Holds a line.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({ line: z.string() }),
  result: z.object({}),
  resources: (payload) => [resourceKey('system', payload.line)],
  joins: false,
  retry: { maxAttempts: 3, baseMs: 100, capMs: 1_000 },
  deadlineMs: 86_400_000,
  steps: [
    {
      name: 'hold',
      isLocal: true,
      run: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    },
  ],
  finish: () => ({}),
});

export interface BenchRedis {
  readonly redis: LabRedis;
  close(): Promise<void>;
}

/** A Redis as the product wants it: append-only file, `everysec`, `noeviction`. */
export async function openBenchRedis(): Promise<BenchRedis> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  const redis = await startRedis({ dir: directory, logger: pino({ level: 'error' }) });
  return {
    redis,
    async close() {
      await redis.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface BenchSystem {
  readonly store: Store;
  readonly submit: Submit;
  close(): Promise<void>;
}

/** Store and worker in this process, with the kind that does nothing. */
export async function openBenchSystem(
  redis: LabRedis,
  options: { readonly concurrency: number; readonly prefix: string; readonly historyJobs?: number },
): Promise<BenchSystem> {
  const logger = pino({ level: 'error' });
  const catalogue = createCatalogue([noop, hold]);
  const world = createWorld({ volumeStores: [] });
  const nowMs = (): number => systemClock.nowMs();
  const store = openStore({
    address: parseRedisUrl(redis.url),
    prefix: options.prefix,
    patience: 'worker',
    lanes: catalogue.lanes,
    process: `bench-${options.prefix}`,
    historyJobs: options.historyJobs ?? 1_000,
    logger,
    nowMs,
    randomBytes,
  });
  const worker = await openWorker({
    ports: { ...store, dataCentre: noDataCentre(), images: noImages(store.credentials) },
    catalogue,
    world,
    name: 'bench',
    concurrency: options.concurrency,
    lockMs: 10_000,
    reconcileIntervalMs: 3_600_000,
    logger,
    clock: systemClock,
    randomBytes,
  });
  return {
    store,
    submit: createSubmit({ catalogue, world, jobs: store.jobs, records: store.records, nowMs, randomBytes }),
    async close() {
      await worker.close();
      await store.close();
    },
  };
}

/** The kind that does nothing asks nothing of vSphere; whatever does is told so. */
function noDataCentre(): DataCentre {
  const unused: unknown = new Proxy(
    {},
    {
      get: (_, noun) =>
        noun === 'inventory'
          ? {
              watch: (_onChange: unknown, signal: AbortSignal) =>
                new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
            }
          : undefined,
    },
  );
  return unused as DataCentre;
}

/** Nor of registries. */
function noImages(credentials: CredentialRequests): ImagePorts {
  const refuse = (): Promise<never> => Promise.reject(new TypeError('this kind pulls nothing'));
  return { registry: { resolve: refuse, examine: refuse }, layers: { make: refuse, forget: refuse }, credentials };
}

/** Runs `work` over all items, so many at once. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < items.length) {
        const item = items[next];
        next += 1;
        if (item !== undefined) await work(item);
      }
    }),
  );
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function machineLine(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node.js ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}
