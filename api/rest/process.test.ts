import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { HostRecord, StoreRecord } from '../../core/host.ts';
import type { Moref } from '../../core/ids.ts';
import { startFairClock } from '../../test/harness/fair-clock.ts';
import { type Answer, PRESET_KEY, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

test('the process says that it is alive', async () => {
  expect(await rig.call({ url: '/healthz', key: null })).toMatchObject({
    status: 200,
    body: { status: 'alive', version: '0.0.0-test' },
  });
});

test('without a worker it is not ready, and says what fails', async () => {
  const { status, headers, body } = await rig.call({ url: '/readyz', key: null });
  expect(status).toBe(503);
  expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'retry-after': '5' });
  expect(body).toMatchObject({
    code: 'not-ready',
    checks: { redis: { status: 'ok' }, worker: { status: 'failed' }, vcenter: { status: 'unknown' } },
  });
});

test('with a worker that reaches vCenter it becomes ready', async () => {
  rig.store.entrySource.onCanary(async () => ({ worker: 'test-worker', vcenter: 'ok' }));
  await rig.begin(await rig.submit('starts-the-worker'));
  let answer: Answer | undefined;
  const ask = async (): Promise<number> => (answer = await rig.call({ url: '/readyz', key: null })).status;
  await expect.poll(ask).toBe(200);
  expect(answer?.body).toMatchObject({
    status: 'ready',
    checks: { redis: { status: 'ok' }, worker: { status: 'ok', worker: 'test-worker' }, vcenter: { status: 'ok' } },
  });
});

test('a connection on which nothing was asked does not hold the server open', async () => {
  const other = await startRig();
  const { port } = new URL(await other.app.listen({ host: '127.0.0.1', port: 0 }));
  const silent = connect(Number(port), '127.0.0.1');
  await once(silent, 'connect');
  const ended = once(silent, 'close');
  silent.resume();
  await expect.poll(() => connectionsOf(other)).toBe(1);
  const clock = startFairClock();
  await other.close();
  await ended;
  expect(clock.elapsedMs()).toBeLessThan(8_000);
});

async function connectionsOf({ app }: Rig): Promise<number> {
  return await new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

test('metrics have the figures of the queue and those of the process', async () => {
  const done = await rig.submit('measured');
  await rig.end(done, { state: 'succeeded', result: {} });
  await rig.submit('measured-too');
  const { status, headers, text } = await rig.call({ url: '/metrics' });
  expect(status).toBe(200);
  expect(headers['content-type']).toContain('text/plain; version=0.0.4');
  expect(text).toContain('stowage_jobs{state="succeeded"} 1\n');
  expect(text).toContain('stowage_jobs_ended_total{kind="parcel.send",outcome="succeeded"} 1\n');
  expect(text).toMatch(/stowage_job_duration_seconds_bucket\{kind="parcel.send",outcome="succeeded",le="\+Inf"\} 1\n/);
  expect(text).toMatch(/stowage_lane_ready\{lane="test"\} \d+\n/);
  expect(text).toContain('stowage_dead_letters 0\n');
  expect(text).toContain('stowage_redis_up 1\n');
  expect(text).toContain('stowage_test_metric 1\n');
});

test('metrics tell of hosts and volume stores as the watcher saw them, and whether somebody watches', async () => {
  const updatedAt = new Date().toISOString();
  const datastores = [
    {
      name: 'ds1',
      ref: 'Datastore:d-1' as Moref,
      kind: 'VMFS',
      capacityBytes: 1_000,
      freeBytes: 100,
      accessible: true,
    },
  ];
  const store: StoreRecord = {
    type: 'store',
    name: 'a "quoted" one',
    target: { type: 'datastore', name: 'ds1' },
    root: 'stowage',
    backing: 'block',
    datastores,
    capacityBytes: 1_000,
    freeBytes: 100,
    updatedAt,
  };
  const host: HostRecord = {
    type: 'host',
    name: 'esx1',
    ref: 'HostSystem:h-1' as Moref,
    connection: 'not-responding',
    inMaintenance: true,
    poweredOn: true,
    cpuMhz: 1_000,
    memoryBytes: 1_000,
    updatedAt,
  };
  for (const record of [store, host]) await rig.store.records.observe([{ op: 'put', record, expectedRev: 0 }], []);
  const { text } = await rig.call({ url: '/metrics' });
  expect(text).toContain('stowage_store_capacity_bytes{store="a \\"quoted\\" one"} 1000\n');
  expect(text).toContain('stowage_store_free_bytes{store="a \\"quoted\\" one"} 100\n');
  expect(text).toContain('stowage_store_usable{store="a \\"quoted\\" one"} 1\n');
  expect(text).toContain('stowage_host_connected{host="esx1"} 0\n');
  expect(text).toContain('stowage_host_maintenance{host="esx1"} 1\n');
  expect(text).toContain('stowage_records{type="host"} 1\n');
  expect(text).toContain('stowage_leader 0\n');
  expect(text).toContain('stowage_recoveries 0\n');
});

test('while Redis is away, requests are refused soon, and served again when it is back', async () => {
  const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name: 'kept', role: 'viewer' } });
  await rig.redis.kill9();
  const clock = startFairClock();
  for (const key of [PRESET_KEY, String(body['key'])]) {
    const answer = await rig.call({ url: '/v1/jobs', key });
    expect(answer).toMatchObject({ status: 503, body: { code: 'redis-unavailable' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
  expect(clock.elapsedMs()).toBeLessThan(8_000);
  expect((await rig.call({ url: '/metrics' })).text).toContain('stowage_redis_up 0\n');
  expect((await rig.call({ url: '/healthz' })).status).toBe(200);
  await rig.redis.restart();
  await expect.poll(async () => (await rig.call({ url: '/v1/jobs' })).status).toBe(200);
});
