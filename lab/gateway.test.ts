import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../platform/config.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { planGateway, startGateway } from './gateway.ts';
import { baseUrl } from './ready.ts';
import { startRedis } from './redis.ts';

test('a gateway is started with a key of its own, and is ready', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'stowage-lab-gateway-'));
  const logger = pino({ level: 'silent' });
  const env = {
    PATH: process.env['PATH'],
    STOWAGE_DATA_DIR: dir,
    STOWAGE_GATEWAY_LISTEN: '127.0.0.1:0',
    STOWAGE_GATEWAY_FACE_LISTEN: '127.0.0.1:0',
  };
  const host = { on: () => undefined, off: () => undefined, exit: () => undefined };
  const closing = createShutdown(logger, host);
  const root = resolve(import.meta.dirname, '..');
  const settings = { config: readConfig(env), env, root, logger, closing };
  const redis = await startRedis({ dir: join(dir, 'redis'), logger, env: process.env });
  const plan = await planGateway(settings);
  expect(plan.settings).toMatchObject({ STOWAGE_GATEWAY_KEY_FILE: join(dir, 'gateway-key') });
  const common = { REDIS_URL: redis.url, STOWAGE_DATA_DIR: dir };
  const child = await startGateway(settings, plan, { dir: join(dir, 'logs'), settings: common });
  expect((await fetch(`${baseUrl(plan.face)}/readyz`)).status).toBe(200);
  await child.stop();
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
});
