import { hostname } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { ALL_KINDS } from '../jobs/all.ts';
import { createCatalogue } from '../jobs/registry.ts';
import { createSubmit } from '../jobs/submit.ts';
import { createWorld } from '../jobs/world.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { ConfigError } from '../platform/config.ts';
import { isLoopback } from '../platform/listen.ts';
import { createLogger } from '../platform/log.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { startTelemetry } from '../platform/telemetry.ts';
import { openStore } from '../store/open.ts';
import { type ApiConfig, explainOpenBind, readApiConfig } from './config.ts';
import { createRestServer } from './rest/server.ts';

const EX_CONFIG = 78;
const CLOSE_MS = 15_000;

function refuse(message: string): never {
  process.stderr.write(`${message}\n`);
  return process.exit(EX_CONFIG);
}

function configuration(): ApiConfig {
  try {
    return readApiConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) return refuse(error.message);
    throw error;
  }
}

const config = configuration();
const logger = createLogger({ name: 'api', level: config.logLevel });
const shutdown = createShutdown(logger);
const telemetry = startTelemetry({ service: 'api', version: packageJson.version, env: process.env });
shutdown.add('telemetry', () => telemetry.shutdown());

const catalogue = createCatalogue(ALL_KINDS);
const nowMs = (): number => systemClock.nowMs();
const { jobs, records, events, keys, health, close } = openStore({
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

const openBind = await explainOpenBind(config, keys);
if (openBind !== undefined) refuse(openBind);

const world = createWorld(config);
const server = createRestServer({
  catalogue,
  submit: createSubmit({ catalogue, world, jobs, nowMs, randomBytes }),
  jobs,
  records,
  events,
  keys,
  health,
  logger,
  metricsText: () => telemetry.metricsText(),
  ...(config.apiKey === undefined ? {} : { presetKey: config.apiKey }),
  isMetricsOpen: isLoopback(config.restListen),
  version: packageJson.version,
  clock: systemClock,
  randomBytes,
});
shutdown.add('rest', () => server.close(), CLOSE_MS);
const address = await server.listen(config.restListen);
logger.info({ address, kinds: catalogue.kinds.length }, 'listening');
