import { metrics, trace } from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { startTelemetry } from '../platform/telemetry.ts';
import { Turns } from './turns.ts';

afterEach(() => {
  trace.disable();
  metrics.disable();
});

test('a worker tells how many jobs it runs, when it last took one or was done, and whether it leads', async () => {
  const telemetry = startTelemetry({ service: 'workers', env: {} });
  let nowMs = 1_000_000;
  const turns = new Turns(() => nowMs, 32);
  const stop = turns.tell();
  const valueOf = async (name: string): Promise<number | undefined> => {
    const value = new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`, 'm').exec(await telemetry.metricsText())?.[1];
    return value === undefined ? undefined : Number(value);
  };
  expect(await valueOf('stowage_worker_slots')).toBe(32);
  expect(await valueOf('stowage_worker_running')).toBe(0);
  expect(await valueOf('stowage_worker_leading')).toBe(0);
  expect(await valueOf('stowage_worker_last_turn_timestamp_seconds')).toBe(1_000);

  const work = Promise.withResolvers<void>();
  nowMs += 60_000;
  const turn = turns.during(() => work.promise);
  expect(await valueOf('stowage_worker_running')).toBe(1);
  expect(await valueOf('stowage_worker_last_turn_timestamp_seconds')).toBe(1_060);
  nowMs += 30_000;
  work.reject(new Error('for the test'));
  await expect(turn).rejects.toThrow('for the test');
  expect(await valueOf('stowage_worker_running')).toBe(0);
  expect(await valueOf('stowage_worker_last_turn_timestamp_seconds')).toBe(1_090);

  await turns.leading(async () => expect(await valueOf('stowage_worker_leading')).toBe(1));
  expect(await valueOf('stowage_worker_leading')).toBe(0);

  stop();
  await telemetry.shutdown();
});
