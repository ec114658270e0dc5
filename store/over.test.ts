import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobId } from '../core/ids.ts';
import { type LabRedis, startRedis } from '../lab/redis.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { listenForOver } from './over.ts';
import { connectRedis, type RedisClient } from './redis.ts';

const logger = pino({ level: 'silent' });
const CHANNEL = 'over';
const ID = '0'.repeat(26) as JobId;
/** Longer than any test lasts: who is woken was woken by what he heard. */
const NEVER_MS = 600_000;

const dir = mkdtempSync(join(tmpdir(), 'stowage-over-'));
const clients: RedisClient[] = [];
let redis: LabRedis;
const connect = (name: string): RedisClient => {
  const client = connectRedis(parseRedisUrl(redis.url), { patience: 'worker', logger, name });
  clients.push(client);
  return client;
};
beforeAll(async () => {
  redis = await startRedis({ dir, logger });
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await redis.stop();
  rmSync(dir, { recursive: true });
});

test('who waited before the subscription stood looks again once it does: the message may have been earlier', async () => {
  const over = listenForOver(connect('early'), CHANNEL);
  await over.next(ID, NEVER_MS, new AbortController().signal).done;
  over.close();
});

test('a message that came while the connection was lost is made up for', async () => {
  const commands = connect('commands');
  const over = listenForOver(connect('cut'), CHANNEL);
  await over.next(ID, NEVER_MS, new AbortController().signal).done;
  const { done } = over.next(ID, NEVER_MS, new AbortController().signal);
  // In one transaction: nobody is subscribed any more when it is said.
  const replies = await commands.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub').publish(CHANNEL, ID).exec();
  expect(replies?.at(-1)).toEqual([null, 0]);
  await done;
  over.close();
});

test('a message wakes those who wait for that job, and nobody else', async () => {
  const commands = connect('sender');
  const over = listenForOver(connect('heard'), CHANNEL);
  await over.next(ID, NEVER_MS, new AbortController().signal).done;
  let isOtherWoken = false;
  const other = over.next('1'.repeat(26) as JobId, NEVER_MS, new AbortController().signal);
  void other.done.then(() => (isOtherWoken = true));
  const both = [0, 1].map(() => over.next(ID, NEVER_MS, new AbortController().signal).done);
  expect(await commands.publish(CHANNEL, ID)).toBeGreaterThan(0);
  await Promise.all(both);
  expect(isOtherWoken).toBe(false);
  over.close();
  await other.done;
});
