import { describe, expect, test } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import type { SigningEndpoint } from '../../core/ports/webhooks.ts';
import { newWebhookId } from '../../core/webhook.ts';
import { planBatch } from './fan-out.ts';

function endpoint(at: string, more: Partial<SigningEndpoint> = {}): SigningEndpoint {
  return {
    id: newWebhookId(`01hf00000000000000000000${at}`),
    url: 'https://hooks.example.com/',
    eventTypes: ['*'],
    description: '',
    format: 'standard',
    rev: 1,
    state: 'enabled',
    createdAt: '2026-11-24T00:00:00.000Z',
    updatedAt: '2026-11-24T00:00:00.000Z',
    pending: 0,
    after: '0-0',
    secrets: { current: 'whsec_AAAA' },
    ...more,
  };
}

function event(id: string): StowageEvent {
  return { id, type: 'volume.created', time: '2026-11-24T00:00:00.000Z', subject: 'volume:a', data: {} };
}

describe('a plan', () => {
  const events = ['1000-0', '1000-1', '1000-2', '1000-10', '1001-0'].map(event);

  test('is the same whenever it is made, with ids that sort as the events do and are different at each endpoint', () => {
    const endpoints = [endpoint('00'), endpoint('01')];
    const plan = () => planBatch({ rev: '1', endpoints }, events, '0-0').batch.planned;
    expect(plan()).toEqual(plan());
    const idsOf = (one: SigningEndpoint | undefined) =>
      plan()
        .filter(({ webhook }) => webhook === one?.id)
        .map(({ id }) => id);
    for (const one of endpoints) expect(idsOf(one)).toEqual(idsOf(one).toSorted());
    expect(new Set(plan().map(({ id }) => id)).size).toBe(10);
  });

  test('has nothing for endpoints that are disabled, want other types, or came later', () => {
    const endpoints = [
      endpoint('00', { state: 'disabled' }),
      endpoint('01', { eventTypes: ['container.*'] }),
      endpoint('02', { after: '1000-2' }),
    ];
    const { batch } = planBatch({ rev: '1', endpoints }, events, '999-0');
    expect(batch.planned.map(({ event }) => event.id)).toEqual(['1000-10', '1001-0']);
    expect(batch).toMatchObject({ rev: '1', after: '999-0', until: '1001-0', eventCount: 5 });
  });

  test('is cut to what one write takes', () => {
    const endpoints = Array.from({ length: 200 }, (_, n) => endpoint(String(n).padStart(2, '0').slice(-2), {}));
    const { batch, size } = planBatch({ rev: '1', endpoints }, events, '0-0');
    expect({ size, planned: batch.planned.length, until: batch.until }).toEqual({
      size: 1,
      planned: 200,
      until: '1000-0',
    });
  });
});
