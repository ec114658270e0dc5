import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newJobId } from '../../core/ids.ts';
import { newWebhookId, newWebhookSecret, type WebhookId } from '../../core/webhook.ts';
import { randomBytes } from '../../platform/clock.ts';
import { openStoreBed, serverOnPath, type StoreBed } from '../harness/store-bed.ts';

// What is taken from an old copy of Redis, by the program that operators run.

const ROOT = resolve(import.meta.dirname, '../..');
let old: StoreBed;
let now: StoreBed;
beforeAll(async () => {
  const server = serverOnPath('redis-server') ?? serverOnPath('valkey-server') ?? '';
  [old, now] = [await openStoreBed(server), await openStoreBed(server)];
});
afterAll(async () => {
  await Promise.all([old.close(), now.close()]);
});

function carryOver(): string {
  return execFileSync(process.execPath, [join(ROOT, 'deploy/carry-over.mjs')], {
    env: { PATH: process.env['PATH'], OLD_REDIS_URL: old.url, REDIS_URL: now.url, STOWAGE_REDIS_PREFIX: 'bed' },
    encoding: 'utf8',
  });
}

async function makeWebhook(description: string): Promise<{ readonly id: WebhookId; readonly secret: string }> {
  const id = newWebhookId(newJobId(Date.now(), randomBytes(10)));
  const secret = newWebhookSecret(randomBytes);
  const settings = {
    url: 'https://receiver.example/',
    eventTypes: ['volume.*'],
    description,
    format: 'standard',
  } as const;
  await old.store.webhooks.create(id, settings, { current: secret });
  return { id, secret };
}

it('keys and webhooks come over, once, and no job does', async () => {
  const { key } = await old.store.keys.create('alice', 'operator', 'test');
  const [wanted, disabled] = [await makeWebhook('wanted'), await makeWebhook('disabled')];
  await old.store.webhooks.change(disabled.id, { state: 'disabled' });
  await old.submit(['removed-and-made-anew'], { kind: 'volume.remove' });

  expect(carryOver()).toBe('carried over: 1 API keys, 2 webhooks\n');
  expect(await now.store.keys.verify(key)).toMatchObject({ name: 'alice', role: 'operator' });
  expect(await now.store.webhooks.read(wanted.id)).toMatchObject({ description: 'wanted', state: 'enabled' });
  expect(await now.store.webhooks.read(disabled.id)).toMatchObject({ description: 'disabled', state: 'disabled' });
  expect((await now.store.webhooks.secrets(wanted.id))?.current).toBe(wanted.secret);
  expect((await now.store.jobs.list({}, { limit: 10 })).items).toEqual([]);

  await now.store.webhooks.change(wanted.id, { state: 'disabled' });
  expect(carryOver()).toBe('carried over: 0 API keys, 0 webhooks\n');
  expect(await now.store.webhooks.read(wanted.id)).toMatchObject({ state: 'disabled' });
});
