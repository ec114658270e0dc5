import { hostname } from 'node:os';
import packageJson from '../package.json' with { type: 'json' };
import { StowageError } from '../core/errors.ts';
import { randomBytes, systemClock } from '../platform/clock.ts';
import { type Config, type GatewayConfig, readGatewayConfig } from '../platform/config.ts';
import { ConfigError } from '../platform/environment.ts';
import { createLogger } from '../platform/log.ts';
import type { RedisAddress } from '../platform/redis-url.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { startTelemetry } from '../platform/telemetry.ts';
import { openGuestRegister } from '../store/guest-places.ts';
import { openGateway } from './open.ts';

const EX_CONFIG = 78;

function configuration(): Config & { readonly redis: RedisAddress; readonly gateway: GatewayConfig } {
  try {
    return readGatewayConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return process.exit(EX_CONFIG);
  }
}

const config = configuration();
const logger = createLogger({ name: 'gateway', level: config.logLevel });
const shutdown = createShutdown(logger);
const telemetry = startTelemetry({ service: 'gateway', version: packageJson.version, env: process.env });
shutdown.add('telemetry', () => telemetry.shutdown());

const register = openGuestRegister({
  address: config.redis,
  prefix: config.redisPrefix,
  process: `${hostname()}:${process.pid}`,
  logger,
  nowMs: () => systemClock.nowMs(),
});
shutdown.add('redis', () => register.close());
let isListening = false;
const gateway = await openGateway({
  config: config.gateway,
  listen: config.gatewayListen,
  faceListen: config.gatewayFaceListen,
  register,
  // Not its process id: another one may get that, and would be taken for this.
  process: Buffer.from(randomBytes(12)).toString('base64url'),
  metricsText: () => telemetry.metricsText(),
  ready: async () => {
    await register.ping();
    if (!isListening) throw new StowageError('not-ready', 'it does not take guests yet');
  },
  clock: systemClock,
  logger,
});
shutdown.add('gateway', () => gateway.close());
isListening = true;
logger.info({ guests: gateway.guestAddress, face: gateway.faceUrl }, 'listening');
