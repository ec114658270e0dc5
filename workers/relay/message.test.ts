import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import type { SigningEndpoint } from '../../core/ports/webhooks.ts';
import { type Delivery, newDeliveryId } from '../../core/webhook-delivery.ts';
import { newWebhookId, newWebhookSecret } from '../../core/webhook.ts';
import { randomBytes } from '../../platform/clock.ts';
import { messageOf } from './message.ts';

const SORTABLE = '01hf0000000000000000000000';
const NOW = Date.now();
const current = newWebhookSecret(randomBytes);
const old = newWebhookSecret(randomBytes);
const endpoint: SigningEndpoint = {
  id: newWebhookId(SORTABLE),
  url: 'https://hooks.example.com/',
  eventTypes: ['*'],
  description: '',
  format: 'standard',
  rev: 1,
  state: 'enabled',
  createdAt: '2026-11-24T00:00:00.000Z',
  updatedAt: '2026-11-24T00:00:00.000Z',
  pending: 1,
  after: '0-0',
  secrets: { current },
};
const delivery: Delivery = {
  id: newDeliveryId(SORTABLE),
  webhook: endpoint.id,
  event: {
    id: '1-0',
    type: 'volume.created',
    time: '2026-11-24T00:00:00.000Z',
    subject: 'volume:größe',
    data: { path: '[ds] größe "x" %' },
  },
  state: 'pending',
  createdAt: '2026-11-24T00:00:00.000Z',
  attemptCount: 0,
  failures: 0,
  isTest: false,
  attempts: [],
};

describe('a message', () => {
  test('verifies with the published library, and no other secret or changed byte does', () => {
    const { headers, body } = messageOf(endpoint, delivery, NOW);
    expect(new Webhook(current).verify(body.toString(), headers)).toMatchObject({ data: { path: '[ds] größe "x" %' } });
    expect(() => new Webhook(old).verify(body.toString(), headers)).toThrow('No matching signature');
    expect(() => new Webhook(current).verify(`${body.toString()} `, headers)).toThrow('No matching signature');
    const otherId = { ...headers, 'webhook-id': 'msg_2' };
    expect(() => new Webhook(current).verify(body.toString(), otherId)).toThrow('No matching signature');
  });

  test('is signed with both secrets until the overlap ends', () => {
    const rotated = { ...endpoint, secrets: { current, previous: { secret: old, untilMs: NOW + 1 } } };
    const during = messageOf(rotated, delivery, NOW);
    for (const secret of [current, old]) new Webhook(secret).verify(during.body.toString(), during.headers);
    const after = messageOf(rotated, delivery, NOW + 1);
    expect(() => new Webhook(old).verify(after.body.toString(), after.headers)).toThrow('No matching signature');
  });

  test('has one id for all attempts, and the time of each', () => {
    const [first, second] = [messageOf(endpoint, delivery, NOW), messageOf(endpoint, delivery, NOW + 5_000)];
    expect(first.headers['webhook-id']).toBe(second.headers['webhook-id']);
    expect(Number(second.headers['webhook-timestamp']) - Number(first.headers['webhook-timestamp'])).toBe(5);
  });

  test('in binary mode has its attributes in headers of printable ASCII, and is signed too', () => {
    const { headers, body } = messageOf({ ...endpoint, format: 'cloudevents-binary' }, delivery, NOW);
    expect(headers).toMatchObject({
      'ce-specversion': '1.0',
      'ce-id': delivery.id,
      'ce-source': 'stowage',
      'ce-type': 'volume.created',
      'ce-subject': 'volume:gr%C3%B6%C3%9Fe',
      'ce-time': '2026-11-24T00:00:00.000Z',
      'content-type': 'application/json',
    });
    expect(new Webhook(current).verify(body.toString(), headers)).toEqual(delivery.event.data);
  });
});
