import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { moref } from '../../core/ids.ts';
import { volumeRecord } from '../../test/harness/store-bed.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

const error = new StowageError('volume-in-use', 'held by vm-1').facts;

test('the overview tells the queue, the last hour, what fails, hosts and stores', async () => {
  const at = new Date().toISOString();
  const ref = moref('HostSystem', 'host-1');
  const datastore = { name: 'ds1', ref: moref('Datastore', 'datastore-1'), kind: 'vmfs', accessible: true };
  const space = { capacityBytes: 1_000, freeBytes: 400 };
  const written = await rig.store.records.observe(
    [
      {
        op: 'put',
        expectedRev: 0,
        record: {
          type: 'host',
          name: 'esx-1',
          ref,
          connection: 'connected',
          inMaintenance: true,
          poweredOn: true,
          cpuMhz: 1,
          memoryBytes: 1,
          updatedAt: at,
        },
      },
      {
        op: 'put',
        expectedRev: 0,
        record: {
          type: 'store',
          name: 'default',
          target: { type: 'datastore', name: 'ds1' },
          root: '',
          backing: 'block',
          datastores: [{ ...datastore, ...space }],
          ...space,
          updatedAt: at,
        },
      },
      { op: 'put', expectedRev: 0, record: volumeRecord('glance') },
    ],
    [],
  );
  expect(written).toBe('done');
  await rig.submit('glance-waits');
  await rig.end(await rig.submit('glance-ends'), { state: 'succeeded', result: {} });
  const dead = await rig.submit('glance-dies');
  await rig.end(dead, { state: 'dead', error });
  const again = await rig.submit('glance-again');
  await rig.end(again, { state: 'waiting', error, retryInMs: 60_000, counts: true });

  const { status, body } = await rig.call({ url: '/v1/overview' });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    jobs: { byState: { waiting: 2, running: 0, succeeded: 1, failed: 0, dead: 1, cancelled: 0 } },
    hosts: [{ name: 'esx-1', state: 'connected', maintenance: true, containers: [], containerCount: 0 }],
    stores: [{ name: 'default', kind: 'vmfs', ...space, volumes: 1, volumeBytes: 1_048_576 }],
    recoveries: [],
  });
  const failing = body['failing'] as readonly Readonly<Record<string, unknown>>[];
  expect(failing.toSorted((a, b) => (String(a['state']) < String(b['state']) ? -1 : 1))).toMatchObject([
    {
      job: dead,
      kind: 'parcel.send',
      resource: 'volume:glance-dies',
      code: 'volume-in-use',
      state: 'dead',
      attempt: 1,
    },
    { job: again, state: 'waiting', attempt: 1, maxAttempts: 3, retryAt: expect.any(String) },
  ]);
  const throughput = body['throughput'] as readonly { readonly succeeded: number; readonly dead: number }[];
  expect(throughput).toHaveLength(60);
  expect(throughput.slice(-2).reduce((sum, minute) => sum + minute.succeeded, 0)).toBe(1);
  expect(throughput.slice(-2).reduce((sum, minute) => sum + minute.dead, 0)).toBe(1);
});

test('who asks within a second shares the answer', async () => {
  const [one, two] = await Promise.all([rig.call({ url: '/v1/overview' }), rig.call({ url: '/v1/overview' })]);
  expect(one.text).toBe(two.text);
});
