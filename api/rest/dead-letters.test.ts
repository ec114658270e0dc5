import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import { idOf, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

/** A dead letter whose message names the parcel. */
async function die(name: string, why = 'is in use'): Promise<JobId> {
  const id = await rig.submit(name);
  const error = new StowageError('volume-in-use', `volume ${name} ${why}`).facts;
  await rig.end(id, { state: 'dead', error });
  return id;
}

const groups = async (query = '') => await rig.call({ url: `/v1/dead-letters/groups${query}` });

test('dead letters that failed for the same reason are one group, whatever they are called', async () => {
  const first = await die('group-a');
  const second = await die('group-b');
  const other = await die('group-c', 'is damaged');
  const { status, body } = await groups();
  expect(status).toBe(200);
  expect(body).toMatchObject({
    total: 2,
    items: [
      { kind: 'parcel.send', code: 'volume-in-use', count: 1, oldestJob: other, newestJob: other },
      {
        kind: 'parcel.send',
        code: 'volume-in-use',
        step: 'send',
        message: 'volume group-b is in use',
        count: 2,
        oldestJob: first,
        newestJob: second,
      },
    ],
  });
  const job = await rig.call({ url: `/v1/jobs/${first}` });
  const [, { fingerprint }] = body['items'] as [object, { readonly fingerprint: string }];
  expect(job.body).toMatchObject({ error: { fingerprint }, attempts: [{ error: { code: 'volume-in-use' } }] });
  expect(JSON.stringify(job.body['attempts'])).not.toContain('fingerprint');
});

test('a group is without those that were redriven or discarded, and gone with the last of them', async () => {
  const [one, two] = [await die('leaving-a', 'leaves'), await die('leaving-b', 'leaves')];
  await rig.call({ method: 'POST', url: `/v1/jobs/${one}/redrive` });
  expect((await groups('?limit=1')).body).toMatchObject({ items: [{ count: 1, oldestJob: two, newestJob: two }] });
  await rig.call({ method: 'POST', url: `/v1/jobs/${two}/discard`, payload: { reason: 'for the test' } });
  expect((await groups()).text).not.toContain('leaves');
});

test('groups are listed page by page, and by kind, code and time', async () => {
  const before = new Date(Date.now() + 1).toISOString();
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(before));
  await die('paged-a', 'is locked');
  const first = await groups('?limit=1');
  expect(first.body).toMatchObject({ items: [{ message: 'volume paged-a is locked' }] });
  const second = await groups(`?limit=200&cursor=${String(first.body['next'])}`);
  expect((first.body['total'] as number) - 1).toBe((second.body['items'] as readonly object[]).length);
  expect(second.body['next']).toBeUndefined();
  const count = async (query: string) => (await groups(query)).body['total'];
  expect(await count(`?since=${before}`)).toBe(1);
  expect(await count(`?until=${before}`)).toBe((first.body['total'] as number) - 1);
  expect(await count('?kind=parcel.send&code=volume-in-use')).toBe(first.body['total']);
  expect(await count('?kind=audit.run')).toBe(0);
  expect(await count('?code=volume-busy')).toBe(0);
  expect((await groups('?since=yesterday')).status).toBe(400);
});

const redrive = async (id: JobId, payload?: object, headers: Readonly<Record<string, string>> = {}) =>
  await rig.call({
    method: 'POST',
    url: `/v1/jobs/${id}/redrive`,
    headers,
    ...(payload === undefined ? {} : { payload }),
  });

test('a dead letter that is edited is given up, and a new job of its kind is in its place', async () => {
  const id = await die('edited', 'was edited');
  const { status, headers, body } = await redrive(id, { payload: { name: 'edited', options: { Capacity: '2GB' } } });
  const made = idOf(body);
  expect(status).toBe(202);
  expect(headers).toMatchObject({ location: `/v1/jobs/${made}`, 'stowage-outcome': 'accepted' });
  expect(made).not.toBe(id);
  expect(body).toMatchObject({
    state: 'waiting',
    kind: 'parcel.send',
    payload: { name: 'edited', options: { Capacity: '2GB' } },
    redriveOf: id,
  });
  expect((await rig.call({ url: `/v1/jobs/${id}` })).body).toMatchObject({
    state: 'failed',
    replacedBy: made,
    discardReason: `edited and submitted again as ${made}`,
  });
  expect((await groups()).text).not.toContain('was edited');
  expect(await redrive(id, { payload: { name: 'edited' } })).toMatchObject({
    status: 409,
    body: { code: 'job-not-dead' },
  });
});

test('an edited payload is checked as a submission is, and the dead letter stays when it is not good', async () => {
  const id = await die('edited-badly');
  const bad = await redrive(id, { payload: { name: 'x' } });
  expect(bad).toMatchObject({ status: 400, body: { code: 'request-invalid', errors: [{ pointer: '/payload/name' }] } });
  expect(await redrive(id, { payload: { name: 'edited-badly' }, reason: 'none' })).toMatchObject({ status: 400 });
  expect((await rig.call({ url: `/v1/jobs/${id}` })).body).toMatchObject({ state: 'dead' });
  const { key } = await rig.store.keys.create('reader', 'viewer', 'test');
  const refused = await rig.call({ method: 'POST', url: `/v1/jobs/${id}/redrive`, key, payload: { payload: {} } });
  expect(refused.status).toBe(403);
});

test('an edited redrive with a key is one job, however often it is sent; the key is of this dead letter alone', async () => {
  const [id, other] = [await die('keyed-a'), await die('keyed-b')];
  const headers = { 'idempotency-key': 'edit-1' };
  const edited = { payload: { name: 'keyed-new' } };
  const first = await redrive(id, edited, headers);
  const second = await redrive(id, edited, headers);
  expect([first.status, second.status, second.headers['stowage-outcome']]).toEqual([202, 202, 'repeated']);
  expect(second.body['id']).toBe(first.body['id']);
  expect(await redrive(other, edited, headers)).toMatchObject({
    status: 422,
    body: { code: 'idempotency-key-reused' },
  });
  expect((await rig.call({ url: `/v1/jobs/${other}` })).body).toMatchObject({ state: 'dead' });
});

test('an edited redrive joins the open job that does the same, and the dead letter is given up for it', async () => {
  const id = await die('joins');
  const open = await rig.submit('joins-this');
  const { headers, body } = await redrive(id, { payload: { name: 'joins-this' } });
  expect([headers['stowage-outcome'], body['id'], body['redriveOf']]).toEqual(['joined', open, undefined]);
  expect((await rig.call({ url: `/v1/jobs/${id}` })).body).toMatchObject({ state: 'failed', replacedBy: open });
});

test('there is no edited redrive of a job that there is not', async () => {
  const id = '0'.repeat(26) as JobId;
  expect(await redrive(id, { payload: {} })).toMatchObject({ status: 404, body: { code: 'job-not-found' } });
});

const bulk = async (verb: 'redrive' | 'discard', payload: object, key?: string) =>
  await rig.call({ method: 'POST', url: `/v1/dead-letters/${verb}`, payload, ...(key === undefined ? {} : { key }) });

test('a dry run counts what a filter or ids mean, and submits nothing', async () => {
  const [one, two] = [await die('bulk-a', 'is bulky'), await die('bulk-b', 'is bulky')];
  const { fingerprint } = (await rig.store.jobs.read(one))?.error ?? {};
  const filters = [
    { filter: { fingerprint } },
    { filter: { fingerprints: [fingerprint], kind: 'parcel.send', code: 'volume-in-use', actor: 'key:preset' } },
    { ids: [two, one, one, '0'.repeat(26)] },
  ];
  for (const which of filters) {
    const { status, body } = await bulk('redrive', { ...which, dryRun: true });
    expect(status).toBe(200);
    expect(body).toEqual({
      matched: 2,
      byKind: [{ kind: 'parcel.send', count: 2 }],
      cutoffAt: expect.stringMatching(/Z$/),
    });
  }
  const resource = await bulk('discard', { filter: { resource: 'volume:bulk-a' }, reason: 'x', dryRun: true });
  expect(resource.body).toMatchObject({ matched: 1 });
  for (const filter of [
    { kind: 'audit.run' },
    { code: 'volume-busy' },
    { actor: 'nobody' },
    { until: '2020-01-01T00:00:00Z' },
  ])
    expect((await bulk('redrive', { filter, dryRun: true })).body).toMatchObject({ matched: 0, byKind: [] });
  expect((await rig.call({ url: '/v1/jobs?kind=dead.redrive' })).body).toMatchObject({ items: [] });
});

test('a bulk redrive is a job with its cutoff fixed when it is submitted', async () => {
  const { status, headers, body } = await bulk('redrive', { filter: { kind: 'audit.run' } });
  expect(status).toBe(202);
  expect(headers).toMatchObject({ location: `/v1/jobs/${String(body['id'])}` });
  expect(body).toMatchObject({
    kind: 'dead.redrive',
    resources: [],
    payload: {
      filter: { kind: 'audit.run' },
      ratePerSecond: 20,
      stopAfterFailures: 10,
      cutoffAt: expect.stringMatching(/Z$/),
    },
  });
  const sent = { filter: {}, reason: 'no use', cutoffAt: '2020-01-01T00:00:00.000Z' };
  const job = await rig.call({ method: 'POST', url: '/v1/jobs', payload: { kind: 'dead.discard', payload: sent } });
  expect(job).toMatchObject({ status: 400, body: { errors: [{ pointer: '/payload/cutoffAt' }] } });
});

test.for<[string, 'redrive' | 'discard', object]>([
  ['neither filter nor ids', 'redrive', {}],
  ['filter and ids', 'redrive', { filter: {}, ids: ['0'.repeat(26)] }],
  ['no ids', 'redrive', { ids: [] }],
  ['what is no id', 'redrive', { ids: ['x'] }],
  ['a filter that it does not know', 'redrive', { filter: { name: 'x' } }],
  ['what is no fingerprint', 'redrive', { filter: { fingerprint: 'XYZ' } }],
  ['a rate of nothing', 'redrive', { filter: {}, ratePerSecond: 0 }],
  ['a rate that is too high', 'redrive', { filter: {}, ratePerSecond: 501 }],
  ['no reason to discard', 'discard', { filter: {} }],
  ['an empty reason', 'discard', { filter: {}, reason: ' ' }],
])('%s is refused', async ([, verb, payload]) => {
  expect(await bulk(verb, payload)).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
  expect(await bulk(verb, { ...payload, dryRun: true })).toMatchObject({ status: 400 });
});

test('a viewer may look at groups, and do nothing to them', async () => {
  const { key } = await rig.store.keys.create('viewer', 'viewer', 'test');
  expect((await rig.call({ url: '/v1/dead-letters/groups', key })).status).toBe(200);
  expect((await bulk('redrive', { filter: {}, dryRun: true }, key)).status).toBe(403);
  expect((await bulk('discard', { filter: {}, reason: 'x' }, key)).status).toBe(403);
});
