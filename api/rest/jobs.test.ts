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

const parcel = (name: string, rest: object = {}) => ({ kind: 'parcel.send', payload: { name, ...rest } });
const post = async (payload: object, options: object = {}) =>
  await rig.call({ method: 'POST', url: '/v1/jobs', payload, ...options });
const dead = {
  state: 'dead',
  error: new StowageError('volume-in-use', 'no', { holder: 'machine vm-1' }).facts,
} as const;

test('a submission is accepted with the place where it can be followed', async () => {
  const { status, headers, body } = await post(parcel('accepted', { options: { Capacity: '10GB' } }));
  expect(status).toBe(202);
  expect(headers).toMatchObject({
    location: `/v1/jobs/${idOf(body)}`,
    'retry-after': '1',
    'stowage-outcome': 'accepted',
  });
  expect(body).toMatchObject({
    kind: 'parcel.send',
    state: 'waiting',
    payload: { name: 'accepted', options: { Capacity: '10GB' } },
    result: null,
    error: null,
    steps: [{ name: 'send', state: 'pending', begun: 0, tasks: [] }],
    attempts: [],
    actor: 'key:preset',
    resources: ['volume:accepted'],
  });
  expect(headers['stowage-trace-id']).toBe(body['traceId']);
});

test('an incoming trace goes on in the job', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const { body, headers } = await post(parcel('traced'), { headers: { traceparent } });
  expect(body['traceId']).toBe(traceId);
  expect(headers['stowage-trace-id']).toBe(traceId);
});

test('an equal submission joins the open job', async () => {
  const first = await post(parcel('joined'));
  const second = await post(parcel('joined'));
  expect(second.headers['stowage-outcome']).toBe('joined');
  expect(idOf(second.body)).toBe(idOf(first.body));
});

test('a repeated key returns the same job, and refuses another payload', async () => {
  const headers = { 'idempotency-key': 'order-1' };
  const first = await post(parcel('keyed'), { headers });
  await rig.end(idOf(first.body), { state: 'succeeded', result: { sent: true } });
  const second = await post(parcel('keyed'), { headers });
  expect(second).toMatchObject({ status: 200, body: { id: first.body['id'], state: 'succeeded' } });
  expect(second.headers['stowage-outcome']).toBe('repeated');
  const other = await post(parcel('keyed-otherwise'), { headers });
  expect(other).toMatchObject({
    status: 422,
    body: { code: 'idempotency-key-reused', type: '/problems/idempotency-key-reused' },
  });
});

test('a waiting caller gets the job as soon as it is over', async () => {
  const id = await rig.submit('waited');
  const waiting = rig.call({ url: `/v1/jobs/${id}?wait=30` });
  await rig.end(id, { state: 'succeeded', result: { sent: true } });
  expect(await waiting).toMatchObject({
    status: 200,
    body: { state: 'succeeded', result: { sent: true }, attempts: [{ outcome: 'succeeded' }] },
  });
});

test('a preferred wait that ends too early says so with 202', async () => {
  const { status, headers, body } = await post(parcel('preferred'), { headers: { prefer: 'respond-async, wait=1' } });
  expect(status).toBe(202);
  expect(headers['preference-applied']).toBe('wait=1');
  expect(body['state']).toBe('waiting');
});

test('a dead letter shows its error, its attempt and what can be done', async () => {
  const id = await rig.submit('dead-letter');
  await rig.end(id, dead);
  const { body } = await rig.call({ url: `/v1/jobs/${id}` });
  expect(body).toMatchObject({
    state: 'dead',
    error: { kind: 'conflict', code: 'volume-in-use', holder: 'machine vm-1', type: '/problems/volume-in-use' },
    attempts: [{ number: 1, worker: 'test-worker', outcome: 'dead', step: 'send' }],
    links: { redrive: `/v1/jobs/${id}/redrive`, discard: `/v1/jobs/${id}/discard` },
  });
});

test('a dead letter is redriven once', async () => {
  const id = await rig.submit('redriven');
  await rig.end(id, dead);
  expect(await rig.call({ method: 'POST', url: `/v1/jobs/${id}/redrive` })).toMatchObject({
    status: 202,
    body: { state: 'waiting', redriveCount: 1 },
  });
  expect(await rig.call({ method: 'POST', url: `/v1/jobs/${id}/redrive` })).toMatchObject({
    status: 409,
    body: { code: 'job-not-dead' },
  });
});

test('a dead letter is discarded with a reason', async () => {
  const id = await rig.submit('discarded');
  await rig.end(id, dead);
  const url = `/v1/jobs/${id}/discard`;
  expect(await rig.call({ method: 'POST', url, payload: {} })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/reason' }] },
  });
  expect(await rig.call({ method: 'POST', url, payload: { reason: 'lost in the post' } })).toMatchObject({
    status: 200,
    body: { state: 'failed', discardReason: 'lost in the post' },
  });
});

test.each([
  ['POST', '/cancel'],
  ['DELETE', ''],
] as const)('%s %s cancels a waiting job, once', async (method, verb) => {
  const id = await rig.submit(`cancelled-${method}`);
  const cancelled = { status: 200, body: { id, state: 'cancelled', error: { code: 'job-cancelled' } } };
  expect(await rig.call({ method, url: `/v1/jobs/${id}${verb}` })).toMatchObject(cancelled);
  expect(await rig.call({ method, url: `/v1/jobs/${id}${verb}` })).toMatchObject({
    status: 409,
    body: { code: 'job-not-cancellable' },
  });
});

test('a running job is asked to stop', async () => {
  const id = await rig.submit('running');
  await rig.begin(id);
  const answer = await rig.call({ method: 'POST', url: `/v1/jobs/${id}/cancel` });
  expect(answer).toMatchObject({ status: 202, body: { state: 'running', cancelRequestedBy: 'key:preset' } });
});

test('a waiting job names the job that it waits behind', async () => {
  const first = await rig.submit('line');
  const second = await post(parcel('line', { options: { Capacity: '1GB' } }));
  expect(second.body['waitingBehind']).toEqual([{ resource: 'volume:line', job: first, ahead: 1 }]);
});

test('a listing goes page by page and each job is there once', async () => {
  const ids: JobId[] = [];
  for (let at = 0; at < 5; at += 1)
    ids.push(idOf((await post(parcel('paged', { options: { Capacity: `${at}GB` } }))).body));
  const seen: unknown[] = [];
  let url: string | undefined = '/v1/jobs?resource=volume:paged&limit=2&state=waiting';
  for (let pages = 0; url !== undefined && pages < 10; pages += 1) {
    const { body, headers } = await rig.call({ url });
    seen.push(...(body['items'] as { id: string }[]).map(({ id }) => id));
    url = /^<(.*)>; rel="next"$/.exec(String(headers['link']))?.[1];
    expect(url === undefined).toBe(body['next'] === undefined);
  }
  expect(seen).toEqual(ids.toReversed());
});

test('a listing is filtered by kind, state and actor', async () => {
  const id = await rig.submit('filtered');
  const list = async (query: string) =>
    (await rig.call({ url: `/v1/jobs?resource=volume:filtered&${query}` })).body['items'];
  expect(await list('kind=parcel.send&state=waiting&actor=key:preset')).toMatchObject([{ id }]);
  expect(await list('kind=audit.run')).toEqual([]);
  expect(await list('actor=somebody')).toEqual([]);
  expect(await list('state=dead')).toEqual([]);
});

test.each([
  ['limit=0', 'limit'],
  ['limit=201', 'limit'],
  ['limit=ten', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['state=sleeping', 'state'],
  ['resource=demo_vol', 'resource'],
  ['colour=red', 'colour'],
  ['cursor=', 'cursor'],
])('a listing with %s is refused, naming the parameter', async (query, parameter) => {
  const { status, body } = await rig.call({ url: `/v1/jobs?${query}` });
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'request-invalid', errors: [{ parameter }] });
});

test.each(['no-cursor', 'AAAA', Buffer.from('12345678.(').toString('base64url')])(
  'the cursor %s is refused',
  async (cursor) => {
    for (const url of [`/v1/jobs?cursor=${cursor}`, `/v1/events?cursor=${cursor}`, `/v1/volumes?cursor=${cursor}`]) {
      expect(await rig.call({ url })).toMatchObject({
        status: 400,
        body: { code: 'cursor-invalid', errors: [{ parameter: 'cursor' }] },
      });
    }
  },
);

test('a cursor of other filters is refused', async () => {
  await rig.submit('cursor-one');
  await rig.submit('cursor-two');
  const { body } = await rig.call({ url: '/v1/jobs?limit=1' });
  expect(await rig.call({ url: `/v1/jobs?state=dead&cursor=${String(body['next'])}` })).toMatchObject({
    status: 400,
    body: { code: 'cursor-invalid' },
  });
});

test.each(['-1', '61', '1.5', 'x', ''])('wait=%s is refused', async (wait) => {
  const id = await rig.submit('wait-refused');
  expect(await rig.call({ url: `/v1/jobs/${id}?wait=${wait}` })).toMatchObject({
    status: 400,
    body: { errors: [{ parameter: 'wait' }] },
  });
});

test('an unknown and a bad job id', async () => {
  expect(await rig.call({ url: '/v1/jobs/00000000000000000000000000' })).toMatchObject({
    status: 404,
    body: { code: 'job-not-found' },
  });
  expect(await rig.call({ url: '/v1/jobs/latest' })).toMatchObject({
    status: 400,
    body: { errors: [{ parameter: 'id' }] },
  });
});
