import { hostname } from 'node:os';
import type { DataCentre } from '../../core/ports/data-centre.ts';
import type { EntrySource } from '../../core/ports/entries.ts';
import { isJobOver } from '../../core/states.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { createGuests } from '../../gateway/client.ts';
import { ALL_KINDS } from '../../jobs/all.ts';
import { createCatalogue } from '../../jobs/registry.ts';
import { createWorld } from '../../jobs/world.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { readServiceConfig, type ServiceConfig } from '../../platform/config.ts';
import { createLogger } from '../../platform/log.ts';
import { pause } from '../../platform/pause.ts';
import { createShutdown } from '../../platform/shutdown.ts';
import { openImagePorts } from '../../registry/open.ts';
import { openStore, type Store } from '../../store/open.ts';
import { connectDataCentre } from '../../vsphere/connect.ts';
import { openWorker } from '../../workers/open.ts';
import { CrashPoints, withBoundaries, withHolds } from './crash-points.ts';

// The worker of workers/main.ts with ports that count boundaries: CRASH_PLAN names the file that says where to die, CRASH_REPORT the one
// that is told which boundaries were passed. CRASH_WITHOUT leaves out one kind, as an older version of the worker would;
// CRASH_GUESTS has it reach the guests, through a gateway. CRASH_BLIND keeps the watcher from seeing machines; CRASH_REGISTRY_TUNING is a RegistryTuning in JSON, in part.

function guardedEntries(store: Store, points: CrashPoints): EntrySource {
  return {
    ...store.entrySource,
    consume: (lane, options, handle) =>
      store.entrySource.consume(lane, options, async (entry) => {
        const isOver = async (): Promise<boolean> => isJobOver((await store.jobs.read(entry.id))?.state ?? 'succeeded');
        return points.attempt(await store.jobs.read(entry.id), () => handle(entry), isOver);
      }),
  };
}

const CHANGES_OF_MACHINES = [
  'attach',
  'detach',
  'extend',
  'create',
  'register',
  'unregister',
  'destroy',
  'rename',
  'reconfigure',
  'detachAllBut',
] as const;

/** With CRASH_BLIND, the watcher sees no machine: what it would have done is for the plan to do. */
function blinded(machines: DataCentre['machines']): DataCentre['machines'] {
  if (process.env['CRASH_BLIND'] === undefined) return machines;
  return { ...machines, watch: (_folder, _onChange, signal) => pause(2 ** 31 - 1, signal) };
}

function guardedDataCentre(inner: DataCentre, points: CrashPoints): DataCentre {
  return {
    ...inner,
    tasks: withBoundaries(inner.tasks, 'tasks', ['wait', 'cancel'], points),
    disks: withBoundaries(inner.disks, 'disks', ['create', 'copy', 'extend', 'remove'], points),
    files: withBoundaries(inner.files, 'files', ['makeDirectory', 'write', 'upload', 'remove', 'copy'], points),
    machines: withBoundaries(
      withHolds(blinded(inner.machines), 'machines', ['findByDisk'], points),
      'machines',
      CHANGES_OF_MACHINES,
      points,
    ),
    power: withBoundaries(inner.power, 'power', ['onByDrs', 'on', 'off', 'suspend'], points),
    hosts: withBoundaries(inner.hosts, 'hosts', ['migrate', 'enterMaintenance', 'exitMaintenance'], points),
    estates: withBoundaries(inner.estates, 'estates', ['ensure'], points),
  };
}

/** With CRASH_GUESTS: somebody is inside of the machines, and can be asked. */
function guardedGuests(store: Store, config: ServiceConfig, points: CrashPoints): { readonly guests?: Guests } {
  const key = config.gateway?.key;
  if (key === undefined || process.env['CRASH_GUESTS'] === undefined) return {};
  const inner = createGuests({ places: store.guestPlaces, key, clock: systemClock });
  const guests: Guests = {
    open: (...args) => inner.open(...args),
    call: (...args) => inner.call(...args),
    state: (...args) => inner.state(...args),
    logs: (...args) => inner.logs(...args),
    attach: (...args) => inner.attach(...args),
    forget: (...args) => inner.forget(...args),
    gateways: (...args) => inner.gateways(...args),
  };
  shutdown.add('guests', () => inner.close());
  return { guests: withBoundaries(guests, 'guests', ['call', 'state', 'forget'], points) };
}

const config = readServiceConfig(process.env);
const logger = createLogger({ name: 'workers', level: config.logLevel });
const shutdown = createShutdown(logger);
const name = `${hostname()}:${process.pid}`;
const catalogue = createCatalogue(ALL_KINDS.filter((kind) => kind.kind !== process.env['CRASH_WITHOUT']));
const store = openStore({
  address: config.redis,
  prefix: config.redisPrefix,
  patience: 'worker',
  lanes: catalogue.lanes,
  process: name,
  historyJobs: config.historyJobs,
  logger,
  nowMs: () => systemClock.nowMs(),
  randomBytes,
});
shutdown.add('store', () => store.close());
const points = new CrashPoints({
  planFile: process.env['CRASH_PLAN'] ?? '',
  reportFile: process.env['CRASH_REPORT'] ?? '',
  jobs: store.jobs,
});
const dataCentre = await connectDataCentre({
  url: config.vcenter.url,
  user: config.vcenter.user,
  password: config.vcenter.password.reveal(),
  trust: 'system',
  logger,
  maxConnections: config.vcenter.connections,
  ...(config.images.mover === undefined ? {} : { mover: config.images.mover }),
});
shutdown.add('vcenter', () => dataCentre.close());
const { registry, layers } = await openImagePorts({
  config,
  environment: process.env,
  logger,
  clock: systemClock,
  random: randomBytes,
  tuning: JSON.parse(process.env['CRASH_REGISTRY_TUNING'] ?? '{}') as object,
});
shutdown.add('registries', () => registry.close());
const worker = await openWorker({
  ports: {
    ...store,
    jobs: withBoundaries(store.jobs, 'jobs', ['submit'], points),
    deadLetters: withBoundaries(store.deadLetters, 'deadLetters', ['redrive', 'discard'], points),
    claims: withBoundaries(store.claims, 'claims', ['acquire', 'commit'], points),
    records: withBoundaries(withHolds(store.records, 'records', ['list'], points), 'records', ['observe'], points),
    entrySource: guardedEntries(store, points),
    dataCentre: guardedDataCentre(dataCentre, points),
    ...guardedGuests(store, config, points),
    images: {
      registry: withBoundaries(registry, 'registry', ['resolve'], points),
      layers: withBoundaries(layers, 'layers', ['make', 'forget'], points),
      credentials: store.credentials,
    },
  },
  catalogue,
  world: createWorld(config),
  name,
  concurrency: config.workerConcurrency,
  lockMs: config.lockMs,
  reconcileIntervalMs: config.reconcileIntervalMs,
  logger,
  clock: systemClock,
  randomBytes,
});
shutdown.add('worker', () => worker.close(), 15_000);
logger.info({ lanes: catalogue.lanes }, 'working');
