import { z } from 'zod';
import type { ContainerRecord } from '../../core/container.ts';
import type { HostRecord, StoreRecord } from '../../core/host.ts';
import type { Job } from '../../core/job.ts';
import { JOB_STATES, type JobState } from '../../core/states.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { readAll } from '../../jobs/read-all.ts';
import { containerState } from './container-view.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { recoveryView, viewRecovery } from './recoveries.ts';

// What an operator looks at first. One answer is shared by all who ask within a second: many consoles cost no more than one.

const SHARED_MS = 1_000;
const MINUTES = 60;
const HOUR_MS = 3_600_000;
const MAX_FAILING = 20;
const MAX_RECOVERIES = 50;
/** Of one host; `containerCount` tells how many there are. */
const MAX_CONTAINERS = 200;

const time = z.iso.datetime();
const jobStates = Object.keys(JOB_STATES) as [JobState, ...JobState[]];

const failingView = z.object({
  job: z.string(),
  kind: z.string(),
  resource: z.string().optional().describe('The first of its resources'),
  code: z.string(),
  message: z.string(),
  at: time.describe('When the last attempt ended'),
  state: z.enum(['dead', 'waiting']),
  attempt: z.int().describe('How many attempts there have been'),
  maxAttempts: z.int(),
  retryAt: time.optional(),
});

const hostView = z.object({
  name: z.string(),
  state: z.enum(['connected', 'disconnected', 'not-responding']),
  maintenance: z.boolean(),
  containers: z
    .array(z.object({ id: z.string(), name: z.string(), state: containerState }))
    .describe(`Whose machines run on it, or ran on it last; ${MAX_CONTAINERS} at most`),
  containerCount: z.int(),
});

const storeView = z.object({
  name: z.string(),
  kind: z.string().describe('Of its datastores, as vSphere calls it'),
  capacityBytes: z.number().optional(),
  freeBytes: z.number().optional(),
  volumes: z.int(),
  volumeBytes: z.number().describe('The capacities of its volumes together'),
});

const overviewView = z
  .object({
    at: time,
    jobs: z.object({
      byState: z.record(z.enum(jobStates), z.int()),
      lanes: z.array(z.object({ lane: z.string(), ready: z.int(), running: z.int() })),
      oldestReadyAgeMs: z.number(),
      oldestDeadAgeMs: z.number(),
    }),
    throughput: z
      .array(z.object({ at: time, succeeded: z.int(), dead: z.int(), failed: z.int(), cancelled: z.int() }))
      .describe('Jobs that ended in each of the last 60 minutes, oldest first; the last one is not over'),
    failing: z.array(failingView).describe('Dead in the last hour, or waiting for another attempt'),
    hosts: z.array(hostView),
    stores: z.array(storeView),
    recoveries: z.array(recoveryView).describe('Those under way'),
  })
  .meta({ id: 'Overview' });
type OverviewView = z.infer<typeof overviewView>;

export function overviewRoutes(app: RestApp, parts: RouteParts): void {
  const read = shared(() => readOverview(parts), parts);
  app.route({
    method: 'GET',
    url: '/v1/overview',
    config: { access: 'viewer' },
    schema: {
      tags: ['overview'],
      operationId: 'readOverview',
      summary: 'The queue, what fails, hosts, stores and recoveries, at a glance',
      querystring: z.strictObject({}),
      response: { 200: overviewView, ...problemResponses },
    },
    handler: async () => await read(),
  });
}

function shared<T>(read: () => Promise<T>, { clock }: Pick<RouteParts, 'clock'>): () => Promise<T> {
  let known: { readonly untilMs: number; readonly value: Promise<T> } | undefined;
  return () => {
    const now = clock.monotonicMs();
    if (known === undefined || known.untilMs <= now) {
      const fresh = { untilMs: now + SHARED_MS, value: read() };
      known = fresh;
      // Nobody gets the error of another's moment.
      fresh.value.catch(() => {
        if (known === fresh) known = undefined;
      });
    }
    return known.value;
  };
}

async function readOverview({ jobs, records, clock }: RouteParts): Promise<OverviewView> {
  const now = clock.nowMs();
  const [figures, throughput, failing, recoveries, hosts, containers, stores, volumes] = await Promise.all([
    jobs.figures(),
    jobs.endsByMinute(MINUTES),
    jobs.failing(now - HOUR_MS, MAX_FAILING),
    jobs.list({ kind: 'host.recover', state: ['waiting', 'running'] }, { limit: MAX_RECOVERIES }),
    readAll({ records }, 'host'),
    readAll({ records }, 'container'),
    readAll({ records }, 'store'),
    readAll({ records }, 'volume'),
  ]);
  const { byState, lanes, oldestReadyAgeMs, oldestDeadAgeMs } = figures;
  return {
    at: new Date(now).toISOString(),
    jobs: { byState, lanes: [...lanes], oldestReadyAgeMs, oldestDeadAgeMs },
    throughput: [...throughput],
    failing: failing.map(viewFailing).toSorted((a, b) => (a.at < b.at ? 1 : -1)),
    hosts: viewHosts(
      hosts.map(({ record }) => record),
      containers.map(({ record }) => record),
    ),
    stores: viewStores(
      stores.map(({ record }) => record),
      volumes.map(({ record }) => record),
    ),
    recoveries: recoveries.items.map(viewRecovery),
  };
}

function viewFailing(job: Job): z.infer<typeof failingView> {
  const [resource] = job.resources;
  return {
    job: job.id,
    kind: job.kind,
    ...(resource === undefined ? {} : { resource }),
    code: job.error?.code ?? 'internal-error',
    message: job.error?.message ?? '',
    at: job.finishedAt ?? job.attempts.at(-1)?.finishedAt ?? job.createdAt,
    state: job.state === 'dead' ? 'dead' : 'waiting',
    attempt: job.attempts.length,
    maxAttempts: job.maxAttempts,
    ...(job.retryAt === undefined ? {} : { retryAt: job.retryAt }),
  };
}

function viewHosts(hosts: readonly HostRecord[], containers: readonly ContainerRecord[]): z.infer<typeof hostView>[] {
  const onHost = Map.groupBy(containers, ({ machine }) => machine?.host);
  return hosts.map(({ name, ref, connection, inMaintenance }) => {
    const its = onHost.get(ref) ?? [];
    return {
      name,
      state: connection,
      maintenance: inMaintenance,
      containers: its.slice(0, MAX_CONTAINERS).map((each) => ({ id: each.name, name: each.called, state: each.state })),
      containerCount: its.length,
    };
  });
}

function viewStores(stores: readonly StoreRecord[], volumes: readonly VolumeRecord[]): z.infer<typeof storeView>[] {
  const inStore = Map.groupBy(volumes, ({ spec }) => spec.store);
  return stores.map(({ name, datastores, backing, capacityBytes, freeBytes }) => {
    const its = inStore.get(name) ?? [];
    const kinds = [...new Set(datastores.map(({ kind }) => kind))];
    return {
      name,
      kind: kinds.length === 0 ? backing : kinds.join(', '),
      // Nobody knows the space of a store whose datastore is not there.
      ...(datastores.length === 0 ? {} : { capacityBytes, freeBytes }),
      volumes: its.length,
      volumeBytes: its.reduce((sum, { spec }) => sum + spec.capacityBytes, 0),
    };
  });
}
