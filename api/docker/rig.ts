import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import type { Claim } from '../../core/ports/jobs.ts';
import { ALL_KINDS } from '../../jobs/all.ts';
import { createCatalogue } from '../../jobs/registry.ts';
import { createWorld } from '../../jobs/world.ts';
import { createSubmit, type Submit } from '../../jobs/submit.ts';
import { type LabRedis, startRedis } from '../../lab/redis.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/log.ts';
import { parseRedisUrl } from '../../platform/redis-url.ts';
import { openStore, type Store } from '../../store/open.ts';
import { dockerCli, type Ran } from '../../test/harness/docker-cli.ts';
import type { DockerParts } from './parts.ts';
import { createDockerServer, type DockerServer } from './server.ts';

export interface DockerRig {
  readonly server: DockerServer;
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  /** Every line logged so far. */
  readonly log: () => string;
  /** Runs the real CLI against the server, with a configuration directory of its own. */
  docker(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  close(): Promise<void>;
}

/** The registry as far as rendering needs one: it knows one user, and one image. */
const registry: DockerParts['registry'] = {
  async login(_registry, credentials) {
    if (credentials.type === 'password' && credentials.password === 'right') return { identityToken: '' };
    throw new StowageError('registry-denied', 'login attempt to registry.test failed: wrong user name or password');
  },
  async search(_registry, term) {
    return [{ name: term, description: 'what was looked for', stars: 7, isOfficial: true }];
  },
};

/** Serves a store's contents to the CLI on a free port. */
export async function serveDocker(
  given: Pick<DockerParts, 'submit' | 'jobs' | 'records' | 'events' | 'credentials' | 'execs'> & Partial<DockerParts>,
): Promise<DockerRig> {
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const server = createDockerServer({
    registry,
    logger: createLogger({ name: 'docker', level: 'debug', destination }),
    version: '0.0.0-test',
    clock: systemClock,
    randomBytes,
    roles: [{ subject: '*', role: 'operator' }],
    ...given,
  });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const cli = dockerCli(`tcp://${address}`);
  return {
    server,
    address,
    log: () => lines.join(''),
    docker: async (args, env = {}) => await cli.with({ env })(...args),
    async close() {
      await server.close();
      cli.close();
    },
  };
}

/** A store on a Redis of its own, with no worker. */
export interface StoreRig {
  readonly store: Store;
  readonly submit: Submit;
  readonly redis: LabRedis;
  /** Begins an attempt as a worker would, and leaves it running. */
  begin(id: JobId): Promise<Claim>;
  /** The newest job of the kind that nobody has begun, once there is one. */
  submitted(kind: string): Promise<JobId>;
  close(): Promise<void>;
}

const WORLD = createWorld({
  volumeStores: [{ name: 'default', target: { type: 'datastore', name: 'ds1' }, root: '' }],
  images: { store: { datastore: 'ds1', root: 'stowage' } },
});

export async function startStoreRig(kinds = ALL_KINDS): Promise<StoreRig> {
  const dir = mkdtempSync(join(tmpdir(), 'stowage-docker-store-'));
  const logger = createLogger({ name: 'docker', level: 'silent' });
  const redis = await startRedis({ dir, logger });
  const catalogue = createCatalogue(kinds);
  const nowMs = (): number => systemClock.nowMs();
  const store = openStore({
    address: parseRedisUrl(redis.url),
    prefix: 'docker',
    patience: 'face',
    lanes: catalogue.lanes,
    process: 'docker-test',
    historyJobs: 1_000,
    logger,
    nowMs,
    randomBytes,
  });
  const begin = createBegin(store);
  return {
    store,
    submit: createSubmit({ catalogue, world: WORLD, jobs: store.jobs, records: store.records, nowMs, randomBytes }),
    redis,
    begin,
    async submitted(kind) {
      for (;;) {
        const { items } = await store.jobs.list({ kind, state: 'waiting' }, { limit: 1 });
        if (items[0] !== undefined) return items[0].id;
        await pause(LOOK_AGAIN_MS);
      }
    },
    async close() {
      await begin.stop();
      await store.close();
      await redis.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const LOOK_AGAIN_MS = 20;

/** A worker that takes only those jobs that a test asks it to; it starts with the first one. */
function createBegin({ entrySource, claims }: Store): StoreRig['begin'] & { stop(): Promise<void> } {
  const wanted = new Map<JobId, (claim: Claim) => void>();
  let consumer: ReturnType<Store['entrySource']['consume']> | undefined;
  const begin = async (id: JobId): Promise<Claim> => {
    const { promise, resolve } = Promise.withResolvers<Claim>();
    wanted.set(id, resolve);
    consumer ??= entrySource.consume('default', { concurrency: 8, lockMs: 10_000 }, async (entry) => {
      const take = wanted.get(entry.id);
      if (take === undefined) return { delayMs: LOOK_AGAIN_MS };
      const acquired = await claims.acquire(entry.id, 'test-worker', entry.wake);
      if (acquired.outcome === 'acquired') take(acquired.claim);
      return 'done';
    });
    return await promise;
  };
  return Object.assign(begin, { stop: async () => await (await consumer)?.close(1_000) });
}
