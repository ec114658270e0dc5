import { describe, expect, test } from 'vitest';
import { EVENT_TYPES, type EventType } from './events.ts';
import { nextAttemptMs, parseRetryAfter, RETRY_DELAYS_MS } from './webhook-delivery.ts';
import { activeSecrets, explainBadFilter, newWebhookSecret, secretBytes, wantsEvent } from './webhook.ts';

const HOUR = 3_600_000;

describe('the schedule', () => {
  test('is that of Standard Webhooks, with a tenth of jitter either way', () => {
    const at = (failures: number, chance: number) => nextAttemptMs({ failures, nowMs: 0, chance });
    for (const [n, delayMs] of RETRY_DELAYS_MS.entries()) {
      expect(at(n + 1, 0)).toBe(Math.round(delayMs * 0.9));
      expect(at(n + 1, 0.5)).toBe(delayMs);
      expect(at(n + 1, 0.999)).toBeLessThanOrEqual(Math.round(delayMs * 1.1));
    }
    expect(at(RETRY_DELAYS_MS.length + 1, 0.5)).toBeUndefined();
  });

  test('waits as long as the receiver asks, up to a day, and never shorter than it would anyway', () => {
    const at = (retryAfterMs: number) => nextAttemptMs({ failures: 2, nowMs: 1_000, chance: 0.5, retryAfterMs });
    expect(at(10 * HOUR)).toBe(1_000 + 10 * HOUR);
    expect(at(1_000)).toBe(1_000 + 300_000);
    expect(at(1_000 * HOUR)).toBe(1_000 + 24 * HOUR);
  });

  test('Retry-After is seconds or a date', () => {
    expect(parseRetryAfter('120', 0)).toBe(120_000);
    expect(parseRetryAfter('Wed, 21 Oct 2026 07:28:00 GMT', Date.parse('2026-10-21T07:27:00Z'))).toBe(60_000);
    expect(parseRetryAfter('Wed, 21 Oct 2026 07:28:00 GMT', Date.parse('2026-10-22T07:27:00Z'))).toBe(0);
    for (const text of [undefined, '', 'soon']) expect(parseRetryAfter(text, 0)).toBeUndefined();
  });
});

describe('filters', () => {
  test.each<readonly [readonly string[], EventType, boolean]>([
    [['*'], 'job.dead', true],
    [['volume.*'], 'volume.created', true],
    [['volume.*'], 'container.created', false],
    [['volume.created'], 'volume.created', true],
    [['volume.created'], 'volume.removed', false],
    [['volume.removed', 'job.*'], 'job.dead', true],
    [[], 'job.dead', false],
  ])('%j and %s: %s', (filters, type, isWanted) => {
    expect(wantsEvent(filters, type)).toBe(isWanted);
  });

  test('one that names nothing is explained', () => {
    const types = Object.keys(EVENT_TYPES);
    for (const good of ['*', 'volume.*', 'job.dead']) expect(explainBadFilter(good, types)).toBeUndefined();
    for (const bad of ['', 'volume', 'volume.', 'vol.*', '*.created', 'volume.created.*', '**']) {
      expect(explainBadFilter(bad, types)).toContain('/v1/event-types');
    }
  });
});

test('a secret is whsec_ and base64 of 32 bytes, and the old one counts until its time', () => {
  const secret = newWebhookSecret((size) => new Uint8Array(size).fill(255));
  expect(secret).toBe(`whsec_${Buffer.alloc(32, 255).toString('base64')}`);
  expect(secretBytes(secret)).toEqual(Buffer.alloc(32, 255));
  const secrets = { current: 'new', previous: { secret: 'old', untilMs: 100 } };
  expect(activeSecrets(secrets, 99)).toEqual(['new', 'old']);
  expect(activeSecrets(secrets, 100)).toEqual(['new']);
});
