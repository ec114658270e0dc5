import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { createGuests } from '../gateway/client.ts';
import { createTargetGuard } from '../core/webhook-target.ts';
import { ALL_KINDS } from '../jobs/all.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { createWorld } from '../jobs/world.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { readServiceConfig, type ServiceConfig, type VcenterConfig } from '../platform/config.ts';
import { ConfigError } from '../platform/environment.ts';
import { createLogger } from '../platform/log.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { startTelemetry } from '../platform/telemetry.ts';
import { openImagePorts } from '../registry/open.ts';
import { openStore } from '../store/open.ts';
import { connectDataCentre } from '../vsphere/connect.ts';
import type { Trust } from '../vsphere/trust.ts';
import { openWorker } from './open.ts';
import { createWebhookSender } from './relay/sender.ts';
import { startStatusServer } from './status-server.ts';

const PING_MS = 3_000;

function configuration(): ServiceConfig {
  try {
    return readServiceConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(78);
  }
}

function trustOf(vcenter: VcenterConfig): Trust {
  if (vcenter.thumbprint !== undefined) return { thumbprint: vcenter.thumbprint };
  if (vcenter.caFile !== undefined) return { caPem: readFileSync(vcenter.caFile, 'utf8') };
  return 'system';
}

const config = configuration();
const logger = createLogger({ name: 'workers', level: config.logLevel });
const shutdown = createShutdown(logger);
const telemetry = startTelemetry({ service: 'workers', version: packageJson.version, env: process.env });
shutdown.add('telemetry', () => telemetry.shutdown());

const name = `${hostname()}:${process.pid}`;
const catalogue = createCatalogue(ALL_KINDS);
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
const dataCentre = await connectDataCentre({
  url: config.vcenter.url,
  user: config.vcenter.user,
  password: config.vcenter.password.reveal(),
  trust: trustOf(config.vcenter),
  ...(config.vcenter.datacenter === undefined ? {} : { datacenter: config.vcenter.datacenter }),
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
});
shutdown.add('registries', () => registry.close());

const guests =
  config.gateway === undefined
    ? undefined
    : createGuests({ places: store.guestPlaces, key: config.gateway.key, clock: systemClock });
shutdown.add('guests', () => guests?.close());

const { caFile, ...targets } = config.webhooks;
const webhookSender = createWebhookSender({
  guard: createTargetGuard(targets),
  ...(caFile === undefined ? {} : { caPem: readFileSync(caFile, 'utf8') }),
});
shutdown.add('webhooks', () => webhookSender.close());

for (const fault of await store.inspectSettings()) logger.error({ fault }, 'redis is not set up to keep jobs');
const worker = await openWorker({
  ports: {
    ...store,
    dataCentre,
    images: { registry, layers, credentials: store.credentials },
    webhookSender,
    ...(guests === undefined ? {} : { guests }),
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

const status = await startStatusServer({
  listen: config.workerListen,
  metricsText: () => telemetry.metricsText(),
  ready: async () => {
    await store.health.redis();
    await dataCentre.ping(AbortSignal.timeout(PING_MS));
  },
});
shutdown.add('status page', () => status.close());
logger.info({ port: status.port, lanes: catalogue.lanes, concurrency: config.workerConcurrency }, 'working');
