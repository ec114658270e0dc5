import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { createLogger } from '../platform/log.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { identify } from './process-identity.ts';
import { type LabRedis, startRedis } from './redis.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const scratch = mkdtempSync(join(tmpdir(), 'stowage-redis-'));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function withClient<T>(redis: LabRedis, use: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ path: redis.socketPath, password: redis.password, maxRetriesPerRequest: 1 });
  client.on('error', () => undefined);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

describe('the private Redis', () => {
  test('is durable, never evicts, wants its password, and listens on no port', async () => {
    const dir = join(scratch, 'durable');
    const redis = await startRedis({ dir, logger });
    await withClient(redis, async (client) => {
      const settings = await client.config('GET', 'appendonly', 'appendfsync', 'maxmemory-policy', 'save', 'port');
      expect(settings).toEqual(expect.arrayContaining(['yes', 'everysec', 'noeviction', '0', '']));
    });
    await expect(withClient({ ...redis, password: 'wrong' }, (client) => client.get('x'))).rejects.toThrow();
    expect(statSync(join(dir, 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'redis.conf')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dir, 'redis.log'), 'utf8')).not.toContain(redis.password);
    await redis.stop();
  });

  test('keeps its data and its address over kill -9 and restart', async () => {
    const redis = await startRedis({ dir: join(scratch, 'killed'), logger });
    await withClient(redis, (client) => client.set('key', 'value'));
    const { url, pid } = redis;
    await redis.kill9();
    expect(redis.pid).toBeUndefined();
    await redis.restart();
    expect(redis.pid).not.toBe(pid);
    expect(redis.url).toBe(url);
    expect(await withClient(redis, (client) => client.get('key'))).toBe('value');
    await redis.stop();
    expect(identify(pid ?? 0)).toBeUndefined();
  });

  test('comes back by itself when it dies, if that is wanted', async () => {
    const redis = await startRedis({ dir: join(scratch, 'restarted'), logger, isRestarted: true });
    const { pid } = redis;
    process.kill(pid ?? 0, 'SIGKILL');
    while (redis.pid === undefined || redis.pid === pid) await delay(20);
    expect(await withClient(redis, (client) => client.ping())).toBe('PONG');
    await redis.stop();
  });

  test('a second server in the same directory replaces the first: two never share data', async () => {
    const dir = join(scratch, 'shared');
    const first = await startRedis({ dir, logger });
    const { pid } = first;
    const second = await startRedis({ dir, logger });
    expect(identify(pid ?? 0)).toBeUndefined();
    expect(await withClient(second, (client) => client.ping())).toBe('PONG');
    await second.stop();
  });

  test('a path too long for a socket is no obstacle, and the address says where it is', async () => {
    const dir = join(scratch, 'long'.repeat(30), 'and "odd"');
    mkdirSync(dir, { recursive: true });
    const redis = await startRedis({ dir, logger });
    const { target } = parseRedisUrl(redis.url);
    expect(target).toEqual({ mode: 'socket', path: redis.socketPath });
    expect(Buffer.byteLength(redis.socketPath)).toBeLessThanOrEqual(103);
    await redis.stop();
    rmSync(join(redis.socketPath, '..'), { recursive: true });
  });

  test('without a server on the PATH the error says what to install', async () => {
    await expect(startRedis({ dir: join(scratch, 'none'), logger, env: { PATH: '/nowhere' } })).rejects.toThrow(
      'apt-get install redis-server',
    );
  });
});
