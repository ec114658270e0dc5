import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { datastorePath, moref, parseDiskUuid, parseVolumeName, resourceKey } from '../../core/ids.ts';
import type { VolumeState } from '../../core/states.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { defineKind } from '../../jobs/define.ts';
import { type Rig, startRig } from './rig.ts';

const NOW = '2026-11-01T12:00:00.000Z';
const base = {
  summary: 'For tests.',
  role: 'operator',
  lane: 'test',
  result: z.object({}),
  joins: false,
  retry: { maxAttempts: 1, baseMs: 1, capMs: 1 },
  deadlineMs: 1_000,
  steps: [{ name: 'do', run: async () => ({}) }],
  finish: () => ({}),
} as const;
const kinds = [
  defineKind({
    ...base,
    kind: 'volume.create',
    payload: z.strictObject({ name: z.string().min(2), options: z.record(z.string(), z.string()).optional() }),
    resources: ({ name }) => [resourceKey('volume', name)],
  }),
  defineKind({
    ...base,
    kind: 'volume.remove',
    payload: z.strictObject({ name: z.string().min(3) }),
    resources: ({ name }) => [resourceKey('volume', name)],
  }),
  defineKind({
    ...base,
    kind: 'volume.attach',
    payload: z.strictObject({ volume: z.string(), machine: z.string() }),
    resources: ({ volume, machine }) => [resourceKey('volume', volume), resourceKey('machine', machine)],
  }),
];

function volume(text: string, state: VolumeState, store = 'default'): VolumeRecord {
  const name = parseVolumeName(text);
  const uuid = parseDiskUuid('6000c29a-1111-2222-3333-444455556666');
  if (name === undefined || uuid === undefined) throw new TypeError(`${text} is not a volume's name`);
  return {
    type: 'volume',
    name,
    state,
    spec: {
      store,
      capacityBytes: 10_000_000_000,
      diskFormat: 'thin',
      access: 'read-write',
      fileSystem: 'ext4',
      labels: { team: 'blue' },
    },
    place: {
      datastore: 'ds1',
      home: datastorePath('ds1', `stowage/volumes/${name}`),
      backing: 'block',
      disk: { path: datastorePath('ds1', `stowage/volumes/${name}/${name}.vmdk`), uuid },
    },
    holders: [{ machine: moref('VirtualMachine', 'vm-1'), machineName: 'vm one', access: 'read-write', unit: 1 }],
    createdAt: NOW,
    updatedAt: NOW,
  };
}

let rig: Rig;
beforeAll(async () => {
  rig = await startRig(kinds);
  const records = [volume('alpha', 'in-use'), volume('beta', 'available'), volume('gamma', 'available', 'fast')];
  for (const record of records) await rig.store.records.observe([{ op: 'put', record, expectedRev: 0 }], []);
});
afterAll(async () => {
  await rig.close();
});

test('a volume shows what it is, where it lies and who holds it', async () => {
  const { status, body } = await rig.call({ url: '/v1/volumes/alpha' });
  expect(status).toBe(200);
  expect(body).toEqual({
    name: 'alpha',
    state: 'in-use',
    store: 'default',
    capacityBytes: 10_000_000_000,
    capacity: '10 GB',
    diskFormat: 'thin',
    access: 'read-write',
    fileSystem: 'ext4',
    labels: { team: 'blue' },
    datastore: 'ds1',
    home: '[ds1] stowage/volumes/alpha',
    path: '[ds1] stowage/volumes/alpha/alpha.vmdk',
    diskUuid: '6000c29a111122223333444455556666',
    backing: 'block',
    holders: [{ machine: 'VirtualMachine:vm-1', machineName: 'vm one', access: 'read-write', unit: 1 }],
    createdAt: NOW,
    updatedAt: NOW,
    rev: 1,
  });
});

test('who knows the tag of a volume is spared its body, until it changes', async () => {
  const { headers } = await rig.call({ url: '/v1/volumes/beta' });
  const etag = String(headers['etag']);
  const again = await rig.call({ url: '/v1/volumes/beta', headers: { 'if-none-match': `"other", W/${etag}` } });
  expect(again).toMatchObject({ status: 304, text: '' });
  await rig.store.records.observe([{ op: 'put', record: volume('beta', 'available'), expectedRev: 1 }], []);
  const changed = await rig.call({ url: '/v1/volumes/beta', headers: { 'if-none-match': etag } });
  expect(changed).toMatchObject({ status: 200, body: { rev: 2 } });
});

test('volumes are listed by name, filtered by store and state', async () => {
  const names = async (query: string) => {
    const { body } = await rig.call({ url: `/v1/volumes${query}` });
    return z
      .array(z.object({ name: z.string() }))
      .parse(body['items'])
      .map(({ name }) => name);
  };
  expect(await names('')).toEqual(['alpha', 'beta', 'gamma']);
  expect(await names('?store=fast')).toEqual(['gamma']);
  expect(await names('?state=available&limit=1')).toEqual(['beta']);
  expect(await names('?state=failed')).toEqual([]);
});

test('a page of a filtered listing leads to the next', async () => {
  const first = await rig.call({ url: '/v1/volumes?state=available&limit=1' });
  const link = /^<(.*)>; rel="next"$/.exec(String(first.headers['link']))?.[1];
  expect((await rig.call({ url: link ?? '' })).body['items']).toMatchObject([{ name: 'gamma' }]);
});

test.each([
  [
    'POST',
    '/v1/volumes',
    { name: 'made', options: { Capacity: '1GB' } },
    'volume.create',
    { name: 'made', options: { Capacity: '1GB' } },
  ],
  ['DELETE', '/v1/volumes/made', undefined, 'volume.remove', { name: 'made' }],
  ['POST', '/v1/volumes/made/attach', { machine: 'vm-1' }, 'volume.attach', { volume: 'made', machine: 'vm-1' }],
] as const)('%s %s submits a job', async (method, url, body, kind, payload) => {
  const answer = await rig.call({ method, url, ...(body === undefined ? {} : { payload: body }) });
  expect(answer).toMatchObject({ status: 202, body: { kind, payload, state: 'waiting' } });
  expect(answer.headers['location']).toBe(`/v1/jobs/${String(answer.body['id'])}`);
});

test('faults of a convenience route point into what was sent', async () => {
  const attach = await rig.call({ method: 'POST', url: '/v1/volumes/made/attach', payload: { machine: 1 } });
  expect(attach).toMatchObject({ status: 400, body: { errors: [{ pointer: '/machine' }] } });
  const remove = await rig.call({ method: 'DELETE', url: '/v1/volumes/ab' });
  expect(remove).toMatchObject({ status: 400, body: { errors: [{ parameter: 'name' }] } });
  const twice = await rig.call({
    method: 'POST',
    url: '/v1/volumes/made/attach',
    payload: { volume: 'x', machine: 'vm-1' },
  });
  expect(twice).toMatchObject({ status: 400, body: { errors: [{ pointer: '/volume' }] } });
});

test('a verb whose kind is not in the catalogue is no route', async () => {
  expect(await rig.call({ method: 'POST', url: '/v1/volumes/made/expand' })).toMatchObject({ status: 404 });
});
