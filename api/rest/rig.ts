import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { z } from 'zod';
import { createTargetGuard } from '../../core/webhook-target.ts';
import type { JobId } from '../../core/ids.ts';
import { resourceKey } from '../../core/ids.ts';
import type { Claim, JobEnd } from '../../core/ports/jobs.ts';
import { DEAD_KINDS } from '../../jobs/dead/kinds.ts';
import { type AnyKind, defineKind } from '../../jobs/define.ts';
import { createCatalogue } from '../../jobs/registry.ts';
import { createSubmit } from '../../jobs/submit.ts';
import { createWorld } from '../../jobs/world.ts';
import { type LabRedis, startRedis } from '../../lab/redis.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { createLogger, type Logger } from '../../platform/log.ts';
import { parseRedisUrl } from '../../platform/redis-url.ts';
import { Secret } from '../../platform/secret.ts';
import { openStore, type Store } from '../../store/open.ts';
import type { RestParts } from './parts.ts';
import { createRestServer } from './server.ts';

export const PRESET_KEY = 'preset-key-for-tests';

/** A kind that tests can submit anything to; it has one step. */
const parcel = defineKind({
  kind: 'parcel.send',
  summary: 'Sends a parcel.',
  role: 'operator',
  lane: 'test',
  payload: z.strictObject({
    name: z.string().min(2).max(100),
    options: z
      .strictObject({
        Capacity: z
          .string()
          .regex(/^\d+GB$/, 'is not a size')
          .optional(),
      })
      .optional(),
  }),
  result: z.object({}),
  resources: ({ name }) => [resourceKey('volume', name)],
  joins: true,
  retry: { maxAttempts: 3, baseMs: 1, capMs: 1 },
  deadlineMs: 60_000,
  steps: [{ name: 'send', run: async () => ({}) }],
  finish: () => ({}),
});
const audit = defineKind({ ...parcel, kind: 'audit.run', role: 'admin', joins: false });

/** The REST face on a real store on a Redis of its own; no worker runs: tests end jobs themselves. */
export interface Rig {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly redis: LabRedis;
  /** Moves the clock of the store on. */
  advance(ms: number): void;
  /** Every line logged so far. */
  readonly log: () => string;
  /** Injects a request with the preset admin key, unless `key` says another or none. */
  call(options: InjectOptions & { readonly key?: string | null }): Promise<Answer>;
  /** Submits a parcel; resolves with its id. */
  submit(name: string): Promise<JobId>;
  /** Begins an attempt as a worker would, and leaves it running. */
  begin(id: JobId): Promise<Claim>;
  /** Runs the job to this end, as a worker would. */
  end(id: JobId, end: JobEnd): Promise<void>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const WORLD = createWorld({
  volumeStores: [{ name: 'default', target: { type: 'datastore', name: 'ds1' }, root: '' }],
});
function openTestStore({
  url,
  lanes,
  logger,
  nowMs,
}: {
  readonly url: string;
  readonly lanes: readonly string[];
  readonly logger: Logger;
  readonly nowMs: () => number;
}): Store {
  return openStore({
    address: parseRedisUrl(url),
    prefix: 'rest',
    patience: 'face',
    lanes,
    process: 'rest-test',
    historyJobs: 1_000,
    logger,
    nowMs,
    randomBytes,
  });
}

export async function startRig(
  kinds: readonly AnyKind[] = [parcel, audit, ...DEAD_KINDS],
  settings: Partial<Pick<RestParts, 'web' | 'consoleDir' | 'oidc'>> = {},
): Promise<Rig> {
  let aheadMs = 0;
  const nowMs = (): number => systemClock.nowMs() + aheadMs;
  const dir = mkdtempSync(join(tmpdir(), 'stowage-rest-'));
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const logger = createLogger({ name: 'rest', level: 'debug', destination });
  const redis = await startRedis({ dir, logger });
  const catalogue = createCatalogue(kinds);
  const store = openTestStore({ url: redis.url, lanes: catalogue.lanes, logger, nowMs });
  const {
    jobs,
    deadLetters,
    records,
    events,
    keys,
    audit: auditLog,
    trails,
    sessions,
    attempts,
    health,
    webhooks,
  } = store;
  const app = createRestServer({
    catalogue,
    submit: createSubmit({ catalogue, world: WORLD, jobs, records: store.records, nowMs, randomBytes }),
    jobs,
    deadLetters,
    records,
    events,
    keys,
    sessions,
    attempts,
    audit: auditLog,
    trails,
    health,
    webhooks,
    webhookGuard: createTargetGuard({ allowPrivate: ['10.1.0.0/16'], allowHttp: false }),
    rawQueues: store.rawQueues,
    web: { trustedProxies: [], isQueuesWritable: false },
    consoleDir: join(dir, 'console'),
    logger,
    metricsText: async () => 'stowage_test_metric 1\n',
    presetKey: new Secret(PRESET_KEY),
    isMetricsOpen: false,
    version: '0.0.0-test',
    clock: systemClock,
    randomBytes,
    ...settings,
  });
  const call = createCall(app);
  const begin = createBegin(store);
  return {
    app,
    store,
    redis,
    advance: (ms) => {
      aheadMs += ms;
    },
    log: () => lines.join(''),
    call,
    submit: async (name) => {
      const { body } = await call({
        method: 'POST',
        url: '/v1/jobs',
        payload: { kind: 'parcel.send', payload: { name } },
      });
      return idOf(body);
    },
    begin,
    end: async (id, end) => await store.claims.commit(await begin(id), { end, step: 'send' }),
    close: async () => {
      await app.close();
      await begin.stop();
      await store.close();
      await redis.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function idOf(body: Readonly<Record<string, unknown>>): JobId {
  return z.string().parse(body['id']) as JobId;
}

function createCall(app: FastifyInstance): Rig['call'] {
  return async ({ key = PRESET_KEY, headers, ...options }) => {
    const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
    const response = await app.inject({ ...options, headers: { ...authorization, ...headers } });
    const isJson = String(response.headers['content-type']).includes('json');
    return {
      status: response.statusCode,
      headers: response.headers,
      text: response.body,
      body: isJson ? response.json<Record<string, unknown>>() : {},
    };
  };
}

const LOOK_AGAIN_MS = 20;

/** A worker that takes only those jobs that a test asks it to; it starts with the first one. */
function createBegin({ entrySource, claims }: Store): Rig['begin'] & { stop(): Promise<void> } {
  const wanted = new Map<JobId, (claim: Claim) => void>();
  let consumer: ReturnType<Store['entrySource']['consume']> | undefined;
  const begin = async (id: JobId): Promise<Claim> => {
    const { promise, resolve } = Promise.withResolvers<Claim>();
    wanted.set(id, resolve);
    consumer ??= entrySource.consume('test', { concurrency: 8, lockMs: 10_000 }, async (entry) => {
      const take = wanted.get(entry.id);
      if (take === undefined) return { delayMs: LOOK_AGAIN_MS };
      const acquired = await claims.acquire(entry.id, 'test-worker', entry.wake);
      if (acquired.outcome !== 'acquired') return 'done';
      // Asked for once, taken once: a redriven job has a new entry, and that one waits until a test asks again.
      wanted.delete(entry.id);
      take(acquired.claim);
      return 'done';
    });
    return await promise;
  };
  return Object.assign(begin, { stop: async () => await (await consumer)?.close(1_000) });
}
