import { execFileSync, spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newDeliveryId, RETRY_DELAYS_MS } from '../../core/webhook-delivery.ts';
import { openWebhookBed, type WebhookBed } from '../harness/webhook-bed.ts';
import {
  answerWith,
  type Behaviour,
  type Received,
  type Receiver,
  startReceiver,
  verify,
} from '../harness/webhook-receiver.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const VERIFY_IN_PYTHON = `
import json, sys
from standardwebhooks import Webhook
given = json.load(sys.stdin)
print(json.dumps(Webhook(given["secret"]).verify(given["body"], given["headers"])))
`;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('webhooks', () => {
  let bed: WebhookBed;
  const receivers: Receiver[] = [];
  beforeEach(async () => {
    bed = await openWebhookBed();
  });
  afterEach(async () => {
    await bed.close();
    await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  });

  async function receive(behaviour?: Behaviour, port?: number): Promise<Receiver> {
    const receiver = await startReceiver(behaviour, port === undefined ? {} : { port });
    receivers.push(receiver);
    return receiver;
  }

  it('each event comes once, signed, to every endpoint that wants its type', async () => {
    const [all, some] = [await receive(), await receive()];
    const first = await bed.endpoint(all.url);
    await bed.emit('volume:one');
    const second = await bed.endpoint(some.url, { eventTypes: ['container.*', 'volume.removed'] });
    bed.relay();
    await bed.emit(
      ['container.started', 'container:a'],
      ['volume.attached', 'volume:one'],
      ['volume.removed', 'volume:one'],
    );
    await all.until(4);
    await some.until(2);
    await expect.poll(() => bed.countOf(first.id, 'delivered')).toBe(4);
    await expect.poll(() => bed.countOf(second.id, 'delivered')).toBe(2);
    const typesAt = (receiver: Receiver, secret: string) =>
      receiver.received.map((one) => (verify(secret, one) as { readonly type: string }).type).toSorted();
    expect(typesAt(all, first.secret)).toEqual([
      'container.started',
      'volume.attached',
      'volume.created',
      'volume.removed',
    ]);
    expect(typesAt(some, second.secret)).toEqual(['container.started', 'volume.removed']);
    expect(JSON.parse(all.received.find(({ body }) => body.includes('volume.created'))?.body ?? '')).toEqual({
      type: 'volume.created',
      timestamp: expect.stringMatching(/^20.*Z$/),
      id: expect.stringMatching(/^\d+-\d+$/),
      subject: 'volume:one',
      data: { of: 'volume:one' },
    });
    expect(new Set(all.received.map(({ id }) => id)).size).toBe(4);
    expect(bed.log()).not.toContain('hush');
    expect(bed.log()).not.toContain(first.secret);
  });

  it('a receiver in another language verifies the signature with its own library', async () => {
    const python = execFileSync('sh', [join(ROOT, 'scripts/install-fuzzer')], { encoding: 'utf8' });
    const check = (secret: string, { body, headers }: Pick<Received, 'body' | 'headers'>) =>
      spawnSync(join(dirname(python.trim()), 'python'), ['-c', VERIFY_IN_PYTHON], {
        input: JSON.stringify({ secret, body, headers }),
        encoding: 'utf8',
      });
    const receiver = await receive();
    const { secret } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit('volume:one');
    await receiver.until(1);
    const [received] = receiver.received;
    if (received === undefined) throw new TypeError('nothing came');
    expect(JSON.parse(check(secret, received).stdout)).toMatchObject({ type: 'volume.created', subject: 'volume:one' });
    const forged = check(secret, { ...received, body: received.body.replace('volume:one', 'volume:two') });
    expect(forged.stderr).toContain('WebhookVerificationError');
  });

  it('a receiver that was down for an hour gets everything, under the same ids', async () => {
    const gone = await startReceiver();
    const { id, secret } = await bed.endpoint(gone.url);
    await gone.close();
    bed.relay();
    await bed.emit('volume:a', 'volume:b', 'volume:a');
    const failuresOf = async (): Promise<readonly number[]> =>
      (await bed.deliveries(id)).map(({ failures }) => failures);
    await expect.poll(failuresOf).toEqual([0, 1, 1]);
    bed.clock.advance(6_000);
    await expect.poll(failuresOf).toEqual([0, 2, 2]);
    const ids = (await bed.deliveries(id)).map((delivery) => delivery.id);
    bed.clock.advance(HOUR);
    // The first of volume:a has failed three times now: the second need not wait for it any more.
    await expect.poll(failuresOf).toEqual([1, 3, 3]);
    expect(await bed.read(id)).toMatchObject({ state: 'enabled', pending: 3, failingSince: expect.any(String) });
    const back = await receive(undefined, gone.port);
    bed.clock.advance(HOUR);
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(3);
    expect(back.received.map((one) => one.id).toSorted()).toEqual(ids.toSorted());
    for (const one of back.received) verify(secret, one);
    expect(await bed.read(id)).toMatchObject({ pending: 0 });
    expect((await bed.read(id)).failingSince).toBeUndefined();
  });

  it('a slow receiver delays nobody', async () => {
    const slow = await receive(() => undefined);
    const fast = await receive();
    const { id: slowId } = await bed.endpoint(slow.url);
    await bed.endpoint(fast.url);
    bed.relay({ timeoutMs: 60_000 });
    await bed.emit(...Array.from({ length: 50 }, (_, n) => `volume:v${n}`));
    await fast.until(50);
    expect(new Set(fast.received.map((one) => one.id)).size).toBe(50);
    // What one endpoint has under way is bounded.
    expect(slow.received.length).toBeLessThanOrEqual(10);
    expect((await bed.read(slowId)).pending).toBe(50);
  });

  it('deliveries of one resource come in the order of its events, also past a failure', async () => {
    const receiver = await receive((_one, response, n) => response.writeHead(n === 2 ? 500 : 200).end());
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit(['volume.created', 'volume:a'], ['volume.attached', 'volume:a'], ['volume.detached', 'volume:a']);
    await expect.poll(async () => (await bed.deliveries(id)).some(({ failures }) => failures === 1)).toBe(true);
    bed.clock.advance(6_000);
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(3);
    expect(receiver.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
      'volume.created',
      'volume.attached',
      'volume.attached',
      'volume.detached',
    ]);
  });

  it('an answer of 500 is tried again by the schedule until there is no attempt left', async () => {
    const receiver = await receive(answerWith(500, {}, 'x'.repeat(5_000)));
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit('volume:a');
    for (const [n, delayMs] of [...RETRY_DELAYS_MS, 0].entries()) {
      await expect.poll(async () => (await bed.deliveries(id))[0]?.attemptCount).toBe(n + 1);
      bed.clock.advance(delayMs);
    }
    const [delivery] = await bed.deliveries(id);
    expect(delivery).toMatchObject({ state: 'failed', attempts: { length: 10 } });
    expect(delivery?.attempts[0]).toMatchObject({ status: 500, responseBody: 'x'.repeat(1_024) });
    expect(await bed.read(id)).toMatchObject({ state: 'enabled', pending: 0 });
  });

  it('days of nothing but failures disable an endpoint, with an event about it; what waits goes on when it is enabled', async () => {
    const receiver = await receive(answerWith(503));
    const watching = await receive();
    const { id } = await bed.endpoint(receiver.url, { eventTypes: ['volume.*'] });
    const other = await bed.endpoint(watching.url, { eventTypes: ['webhook.*'] });
    bed.relay();
    await bed.emit('volume:a');
    await expect.poll(async () => (await bed.read(id)).failingSince).toBeDefined();
    bed.clock.advance(5 * DAY);
    await expect.poll(async () => (await bed.read(id)).state).toBe('disabled');
    await watching.until(1);
    expect(watching.received.map((one) => verify(other.secret, one))).toMatchObject([
      { type: 'webhook.disabled', subject: `webhook:${id}`, data: { reason: 'failing' } },
    ]);
    await bed.emit('volume:b');
    receiver.behave(answerWith(200));
    await bed.store.webhooks.change(id, { state: 'enabled' });
    bed.clock.advance(HOUR);
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(1);
    expect((await bed.deliveries(id)).map(({ event }) => event.subject)).toEqual(['volume:a']);
  });

  it('410 disables at once', async () => {
    const receiver = await receive(answerWith(410));
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit('volume:a', 'volume:a');
    await expect.poll(() => bed.read(id)).toMatchObject({ state: 'disabled', disabledReason: 'gone', pending: 1 });
    expect(receiver.received).toHaveLength(1);
  });

  it('Retry-After is waited for, by everything that goes there', async () => {
    const receiver = await receive(answerWith(429, { 'retry-after': '600' }));
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit('volume:a');
    await expect.poll(async () => (await bed.read(id)).pausedUntil).toBeDefined();
    const [delivery] = await bed.deliveries(id);
    expect(Date.parse(delivery?.nextAttemptAt ?? '') - bed.clock.nowMs()).toBeGreaterThan(590_000);
    receiver.behave(answerWith(204));
    await bed.emit('volume:b');
    await expect.poll(async () => (await bed.read(id)).pending).toBe(2);
    bed.clock.advance(500_000);
    const look = await bed.store.outbox.due(bed.clock.nowMs(), 10);
    expect(look).toEqual([]);
    bed.clock.advance(101_000);
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(2);
  });

  it('after a rotation both secrets verify until the overlap ends', async () => {
    const receiver = await receive();
    const { id, secret } = await bed.endpoint(receiver.url);
    const current = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    await bed.store.webhooks.change(id, {
      secrets: { current, previous: { secret, untilMs: bed.clock.nowMs() + DAY } },
    });
    bed.relay();
    await bed.emit('volume:a');
    await receiver.until(1);
    for (const each of [secret, current]) for (const one of receiver.received) verify(each, one);
    bed.clock.advance(DAY);
    await bed.emit('volume:b');
    await receiver.until(2);
    const last = receiver.received.at(-1);
    expect(String(last?.headers['webhook-signature']).split(' ')).toHaveLength(1);
  });

  it('a range is replayed and one delivery is sent again, under the ids they had', async () => {
    const receiver = await receive();
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    await bed.emit('volume:a', 'volume:b', 'volume:c');
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(3);
    const [c, b, a] = await bed.deliveries(id);
    await bed.store.webhooks.replay(id, { after: a?.event.id ?? '', until: c?.event.id ?? '' });
    await receiver.until(5);
    expect(
      receiver.received
        .slice(3)
        .map((one) => one.id)
        .toSorted(),
    ).toEqual([String(b?.id), String(c?.id)].toSorted());
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(3);
    if (a !== undefined) await bed.store.webhooks.resend(a.id);
    await receiver.until(6);
    expect(receiver.received.at(-1)?.id).toBe(a?.id);
    await expect.poll(async () => (await bed.deliveries(id))[2]).toMatchObject({ attemptCount: 2, state: 'delivered' });
  });

  it('a test is sent once, ahead of what waits, and not again when it fails', async () => {
    const receiver = await receive(answerWith(500));
    const { id, secret } = await bed.endpoint(receiver.url);
    bed.relay();
    const event = {
      id: 'test-1',
      type: 'webhook.test',
      time: new Date().toISOString(),
      subject: `webhook:${id}`,
    } as const;
    const planned = { webhook: id, event: { ...event, data: { by: 'somebody' } } };
    await bed.store.webhooks.test({ ...planned, id: newDeliveryId('01hf0000000000000000000001') });
    await expect.poll(() => bed.countOf(id, 'failed')).toBe(1);
    receiver.behave(answerWith(200));
    await bed.store.webhooks.test({ ...planned, id: newDeliveryId('01hf0000000000000000000002') });
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(1);
    expect(receiver.received.map((one) => verify(secret, one))).toMatchObject([
      { type: 'webhook.test', data: { by: 'somebody' } },
      { type: 'webhook.test' },
    ]);
  });

  it('connections to Redis that break lose nothing and double nothing that is stored', async () => {
    const receiver = await receive();
    const { id } = await bed.endpoint(receiver.url);
    bed.relay();
    const { redis } = bed.bed;
    for (let n = 0; n < 300; n += 1) {
      await redis.xadd('{bed}:events', '*', 'type', 'volume.created', 'subject', `volume:v${n % 9}`, 'data', '{}');
      if (n % 30 === 0) await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(300);
    expect(await bed.deliveries(id)).toHaveLength(300);
    const ids = new Set(receiver.received.map((one) => one.id));
    expect(ids.size).toBe(300);
  });

  it('a removed endpoint gets nothing more, and leaves nothing', async () => {
    const receiver = await receive(answerWith(500));
    const { id } = await bed.endpoint(receiver.url);
    const keep = await bed.endpoint(receiver.url, { eventTypes: ['host.*'] });
    bed.relay();
    await bed.emit('volume:a', 'volume:a', 'volume:b');
    await receiver.until(2);
    await bed.store.webhooks.remove(id);
    await bed.emit('volume:c');
    await expect.poll(async () => (await bed.bed.redis.keys(`*${id}*`)).length).toBe(0);
    await expect.poll(async () => (await bed.bed.redis.keys('*delivery:*')).length).toBe(0);
    expect(await bed.read(keep.id)).toMatchObject({ pending: 0 });
  });

  it('events that an endpoint has not been given yet are kept, however many there are', async () => {
    const { redis, store } = bed.bed;
    const add = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1)
        await redis.xadd('{bed}:events', '*', 'type', 'volume.created', 'subject', 'volume:a', 'data', '{}');
    };
    await add(250);
    const { id } = await bed.endpoint('http://127.0.0.1:9/');
    await add(250);
    // As after 300,000 events that nobody has fanned out: far more than are kept otherwise.
    const [newest] = (await redis.xrevrange('{bed}:events', '+', '-', 'COUNT', 1)) as readonly [string, unknown][];
    await redis.call('XSETID', '{bed}:events', newest?.[0] ?? '', 'ENTRIESADDED', '300000', 'MAXDELETEDID', '0-0');
    await store.upkeep.sweep(1_000);
    const left = await redis.xlen('{bed}:events');
    expect(left).toBeGreaterThanOrEqual(250);
    expect(left).toBeLessThan(500);
    bed.relay();
    await expect.poll(async () => (await bed.read(id)).pending).toBe(250);
  });

  it('CloudEvents have their attributes in headers, and are signed too', async () => {
    const receiver = await receive();
    const { secret } = await bed.endpoint(receiver.url, { format: 'cloudevents-binary' });
    bed.relay();
    await bed.emit('volume:ä b');
    await receiver.until(1);
    const [one] = receiver.received;
    expect(one?.headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': one?.id,
      'ce-type': 'volume.created',
      'ce-subject': 'volume:%C3%A4%20b',
      'content-type': 'application/json',
    });
    expect(one === undefined ? undefined : verify(secret, one)).toEqual({ of: 'volume:ä b' });
  });
});
