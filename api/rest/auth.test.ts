import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Rig, PRESET_KEY, startRig } from './rig.ts';

let rig: Rig;
const made: Record<string, string> = {};
beforeAll(async () => {
  rig = await startRig();
  for (const role of ['viewer', 'operator', 'admin']) {
    const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name: `a-${role}`, role } });
    made[role] = String(body['key']);
  }
});
afterAll(async () => {
  await rig.close();
});

const MISSING = '00000000000000000000000000';
const parcel = { kind: 'parcel.send', payload: { name: 'parcel' } };
const audit = { kind: 'audit.run', payload: { name: 'parcel' } };

test.each([
  ['GET', '/v1/jobs', undefined, [401, 200, 200, 200]],
  ['POST', '/v1/jobs', parcel, [401, 403, 202, 202]],
  ['POST', '/v1/jobs', audit, [401, 403, 403, 202]],
  ['POST', `/v1/jobs/${MISSING}/cancel`, undefined, [401, 403, 404, 404]],
  ['DELETE', `/v1/jobs/${MISSING}`, undefined, [401, 403, 404, 404]],
  ['POST', `/v1/jobs/${MISSING}/redrive`, undefined, [401, 403, 404, 404]],
  ['POST', `/v1/jobs/${MISSING}/discard`, { reason: 'x' }, [401, 403, 404, 404]],
  ['GET', '/v1/kinds', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/volumes', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/stores', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/hosts', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/events', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/event-types', undefined, [401, 200, 200, 200]],
  ['GET', '/metrics', undefined, [401, 200, 200, 200]],
  ['GET', '/v1/keys', undefined, [401, 403, 403, 200]],
  ['POST', '/v1/keys', { name: 'x', role: 'boss' }, [401, 403, 403, 400]],
  ['DELETE', '/v1/keys/none', undefined, [401, 403, 403, 404]],
  ['GET', '/healthz', undefined, [200, 200, 200, 200]],
  ['GET', '/openapi.json', undefined, [200, 200, 200, 200]],
] as const)('%s %s with no key, as viewer, operator and admin', async (method, url, payload, statuses) => {
  const seen: number[] = [];
  for (const key of [null, made['viewer'], made['operator'], made['admin']]) {
    const options = {
      method,
      url,
      ...(payload === undefined ? {} : { payload }),
      ...(key === undefined ? {} : { key }),
    };
    seen.push((await rig.call(options)).status);
  }
  expect(seen).toEqual(statuses);
});

test('who has no key is told how to send one', async () => {
  const { headers, body } = await rig.call({ url: '/v1/jobs', key: null });
  expect(headers['www-authenticate']).toBe('Bearer realm="stowage"');
  expect(body['code']).toBe('credentials-missing');
});

test.each(['Bearer', 'Basic dXNlcjpwYXNz', 'Bearer wrong-key', `Bearer ${'x'.repeat(600)}`])(
  'the header %s is refused',
  async (authorization) => {
    const { status, headers, body } = await rig.call({ url: '/v1/jobs', key: null, headers: { authorization } });
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer realm="stowage", error="invalid_token"');
    expect(body['code']).toBe('credentials-wrong');
  },
);

test('a refusal names the role that is needed', async () => {
  const { body } = await rig.call({ url: '/v1/keys', key: made['viewer'] ?? '' });
  expect(body['detail']).toBe('this needs the role admin; your key has the role viewer');
});

test('a revoked key is refused at once', async () => {
  const { body } = await rig.call({
    method: 'POST',
    url: '/v1/keys',
    payload: { name: 'short-lived', role: 'viewer' },
  });
  const key = String(body['key']);
  expect((await rig.call({ url: '/v1/jobs', key })).status).toBe(200);
  expect((await rig.call({ method: 'DELETE', url: `/v1/keys/${String(body['id'])}` })).status).toBe(204);
  expect((await rig.call({ url: '/v1/jobs', key })).status).toBe(401);
});

test('a key is shown once, and its name is taken', async () => {
  const payload = { name: 'once', role: 'viewer' };
  const { status, headers, body } = await rig.call({ method: 'POST', url: '/v1/keys', payload });
  expect(status).toBe(201);
  expect(headers['cache-control']).toBe('no-store');
  expect((await rig.call({ url: '/v1/keys' })).text).not.toContain(String(body['key']));
  expect(await rig.call({ method: 'POST', url: '/v1/keys', payload })).toMatchObject({
    status: 409,
    body: { code: 'key-exists' },
  });
  expect((await rig.call({ method: 'POST', url: '/v1/keys', payload: { ...payload, name: 'preset' } })).status).toBe(
    400,
  );
});

test('no key reaches the log', async () => {
  await rig.call({ url: '/v1/jobs', key: 'not-a-key-of-ours' });
  await rig.call({ url: `/v1/jobs?cursor=${made['admin']}` });
  await rig.call({ method: 'DELETE', url: `/v1/keys/${made['viewer']}` });
  const log = rig.log();
  expect(log).toContain('"path":"/v1/jobs"');
  expect(log).toContain('"trace_id"');
  for (const secret of [PRESET_KEY, 'not-a-key-of-ours', ...Object.values(made), rig.redis.password])
    expect(log).not.toContain(secret);
  expect(log.toLowerCase()).not.toContain('bearer ');
});
