import { hostname } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { createGuests } from '../gateway/client.ts';
import { createTargetGuard } from '../core/webhook-target.ts';
import { ALL_KINDS } from '../jobs/all.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { createSubmit } from '../jobs/submit.ts';
import { createWorld } from '../jobs/world.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { ConfigError } from '../platform/environment.ts';
import { isLoopback } from '../platform/listen.ts';
import { createLogger } from '../platform/log.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { startTelemetry } from '../platform/telemetry.ts';
import { openRegistry } from '../registry/client.ts';
import { openStore } from '../store/open.ts';
import { type ApiConfig, explainOpenBind, explainOpenDocker, readApiConfig, readDockerTls } from './config.ts';
import type { DockerTls } from './docker/parts.ts';
import { createDockerServer } from './docker/server.ts';
import { createRestServer } from './rest/server.ts';
import { createOidcProvider } from './web/oidc-provider.ts';

const EX_CONFIG = 78;
const CLOSE_MS = 15_000;

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  return process.exit(EX_CONFIG);
}

function configuration(): { readonly config: ApiConfig; readonly dockerTls?: DockerTls } {
  try {
    const config = readApiConfig(process.env);
    return { config, ...(config.dockerTls === undefined ? {} : { dockerTls: readDockerTls(config.dockerTls) }) };
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.message);
    throw error;
  }
}

const { config, dockerTls } = configuration();
const logger = createLogger({ name: 'api', level: config.logLevel });
const shutdown = createShutdown(logger);
const telemetry = startTelemetry({ service: 'api', version: packageJson.version, env: process.env });
shutdown.add('telemetry', () => telemetry.shutdown());

const catalogue = createCatalogue(ALL_KINDS);
const nowMs = (): number => systemClock.nowMs();
const {
  jobs,
  deadLetters,
  records,
  audit,
  trails,
  events,
  keys,
  sessions,
  attempts,
  health,
  webhooks,
  credentials,
  execs,
  guestPlaces,
  rawQueues,
  close,
} = openStore({
  address: config.redis,
  prefix: config.redisPrefix,
  patience: 'face',
  lanes: catalogue.lanes,
  process: `${hostname()}:${process.pid}`,
  historyJobs: config.historyJobs,
  logger,
  nowMs,
  randomBytes,
});
shutdown.add('store', close);

const openBind = explainOpenDocker(config) ?? (await explainOpenBind(config, keys));
if (openBind !== undefined) refuse(openBind);

const world = createWorld(config);
const submit = createSubmit({ catalogue, world, jobs, records, nowMs, randomBytes });
const version = packageJson.version;
/** Only to log in and to search: pulls are the workers'. */
const registry = openRegistry({
  config: config.registries,
  logger,
  clock: systemClock,
  random: randomBytes,
  environment: process.env,
});
shutdown.add('registries', () => registry.close());
const guests =
  config.gateway === undefined
    ? undefined
    : createGuests({ places: guestPlaces, key: config.gateway.key, clock: systemClock });
shutdown.add('guests', () => guests?.close());
const docker = createDockerServer({
  submit,
  jobs,
  records,
  events,
  registry,
  credentials,
  execs,
  ...(guests === undefined ? {} : { guests }),
  logger,
  version,
  clock: systemClock,
  randomBytes,
  roles: config.dockerRoles,
  ...(dockerTls === undefined ? {} : { tls: dockerTls }),
});
shutdown.add('docker', () => docker.close(), CLOSE_MS);
const dockerAddress = await docker.listen(config.dockerListen);
logger.info({ address: dockerAddress, tls: dockerTls !== undefined }, 'docker listening');

const server = createRestServer({
  catalogue,
  submit,
  jobs,
  deadLetters,
  records,
  events,
  keys,
  sessions,
  attempts,
  audit,
  trails,
  health,
  webhooks,
  webhookGuard: createTargetGuard(config.webhooks),
  rawQueues,
  web: config.web,
  ...(config.oidc === undefined ? {} : { oidc: createOidcProvider(config.oidc, { clock: systemClock, randomBytes }) }),
  consoleDir: join(import.meta.dirname, '..', 'console', 'dist'),
  logger,
  metricsText: () => telemetry.metricsText(),
  ...(config.apiKey === undefined ? {} : { presetKey: config.apiKey }),
  isMetricsOpen: isLoopback(config.restListen),
  version,
  clock: systemClock,
  randomBytes,
});
shutdown.add('rest', () => server.close(), CLOSE_MS);
const address = await server.listen(config.restListen);
logger.info({ address, kinds: catalogue.kinds.length }, 'listening');
