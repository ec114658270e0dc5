import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { readConfig } from '../platform/config.ts';
import { createShutdown } from '../platform/shutdown.ts';
import { planGateway } from './gateway.ts';

test('a gateway is planned where machines have guests, with a key of its own, and where it was before', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'stowage-lab-gateway-'));
  const logger = pino({ level: 'silent' });
  const env = { STOWAGE_DATA_DIR: dir };
  const host = { on: () => undefined, off: () => undefined, exit: () => undefined };
  const root = resolve(import.meta.dirname, '..');
  const settings = { config: readConfig(env), env, root, logger, closing: createShutdown(logger, host) };
  expect(await planGateway(settings, { settings: {} })).toBeUndefined();
  const lab = { settings: {}, hasGuests: true };
  const plan = await planGateway(settings, lab);
  expect(plan?.settings['STOWAGE_GATEWAY_KEY_FILE']).toBe(join(dir, 'gateway-key'));
  expect(statSync(join(dir, 'gateway-key')).mode & 0o777).toBe(0o600);
  const again = await planGateway(settings, lab);
  expect(again?.settings['STOWAGE_GATEWAY_LISTEN']).toBe(plan?.settings['STOWAGE_GATEWAY_LISTEN']);
  rmSync(dir, { recursive: true });
});
