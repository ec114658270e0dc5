import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { PRESET_KEY, type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

type Entry = Readonly<Record<string, unknown>>;

async function audit(query = ''): Promise<readonly Entry[]> {
  const { status, body } = await rig.call({ url: `/v1/audit?${query}` });
  expect(status).toBe(200);
  return body['items'] as readonly Entry[];
}

async function makeKey(name: string, role: string): Promise<{ readonly id: string; readonly key: string }> {
  const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name, role } });
  return { id: String(body['id']), key: String(body['key']) };
}

/** All that the log has, as Redis has it. */
async function raw(): Promise<string> {
  const redis = new Redis({ path: rig.redis.socketPath, password: rig.redis.password });
  try {
    return JSON.stringify(await redis.xrange('{rest}:audit', '-', '+'));
  } finally {
    redis.disconnect();
  }
}

test('what somebody does to a dead letter is written with who, what, why and from where', async () => {
  const id = await rig.submit('audited');
  await rig.end(id, { state: 'dead', error: new StowageError('volume-in-use', 'no').facts });
  const { headers } = await rig.call({ method: 'POST', url: `/v1/jobs/${id}/discard`, payload: { reason: 'no use' } });
  expect((await audit())[0]).toMatchObject({
    actor: 'key:preset',
    role: 'admin',
    action: 'discardJob',
    target: `job:${id}`,
    outcome: 'done',
    status: 200,
    detail: { reason: 'no use' },
    traceId: headers['stowage-trace-id'],
    address: '127.0.0.1',
  });
});

test('the entry is there before the answer', async () => {
  for (let at = 0; at < 5; at += 1) {
    const { id } = await makeKey(`at-once-${at}`, 'viewer');
    expect((await audit('limit=1'))[0]).toMatchObject({ action: 'createKey', target: `key:${id}` });
  }
});

test('a refusal by role is written, of a submission too; one that is accepted is told by its job', async () => {
  const { key } = await makeKey('audited-viewer', 'viewer');
  const payload = { kind: 'parcel.send', payload: { name: 'audited-submission' } };
  expect((await rig.call({ method: 'POST', url: '/v1/jobs', payload, key })).status).toBe(403);
  expect((await audit())[0]).toMatchObject({ actor: 'key:audited-viewer', action: 'submitJob', outcome: 'refused' });
  const before = await audit();
  expect((await rig.call({ method: 'POST', url: '/v1/jobs', payload })).status).toBe(202);
  expect((await rig.call({ url: '/v1/jobs', key })).status).toBe(200);
  expect(await audit()).toEqual(before);
  expect((await rig.call({ method: 'DELETE', url: `/v1/jobs/${'0'.repeat(26)}` })).status).toBe(404);
  expect((await audit())[0]).toMatchObject({ action: 'deleteJob', outcome: 'refused', status: 404 });
});

test('signing in is written, also with a wrong key, and the key is not', async () => {
  const signIn = async (key: string) =>
    await rig.call({ method: 'POST', url: '/v1/session', key: null, payload: { key } });
  expect((await signIn('wrong-key-at-sign-in')).status).toBe(401);
  expect((await signIn(PRESET_KEY)).status).toBe(200);
  expect(
    (await audit('limit=2')).map(({ actor, action, outcome, detail }) => [actor, action, outcome, detail]),
  ).toEqual([
    ['key:preset', 'signIn', 'done', undefined],
    ['anonymous', 'signIn', 'refused', undefined],
  ]);
  expect(await raw()).not.toContain('wrong-key-at-sign-in');
});

test('a run over many dead letters is written, with its filter, however it is submitted; a count is not', async () => {
  const filter = { kind: 'parcel.send', code: 'volume-in-use' };
  const ask = async (url: string, payload: object) => (await rig.call({ method: 'POST', url, payload })).status;
  expect(await ask('/v1/dead-letters/redrive', { filter })).toBe(202);
  expect((await audit('limit=1'))[0]).toMatchObject({
    action: 'redriveDeadLetters',
    target: expect.stringMatching(/^job:/),
    detail: { filter },
  });
  expect(await ask('/v1/jobs', { kind: 'dead.redrive', payload: { filter } })).toBe(202);
  const before = await audit();
  expect(before[0]).toMatchObject({ action: 'submitJob', detail: { kind: 'dead.redrive', filter } });
  expect(await ask('/v1/dead-letters/redrive', { filter, dryRun: true })).toBe(200);
  expect(await audit()).toEqual(before);
});

test('who has no key fills no log', async () => {
  const before = await audit();
  expect((await rig.call({ method: 'POST', url: '/v1/keys', payload: {}, key: 'wrong' })).status).toBe(401);
  expect((await rig.call({ method: 'POST', url: '/v1/keys', payload: {}, key: null })).status).toBe(401);
  expect((await rig.call({ method: 'POST', url: '/v1/nothing', payload: {} })).status).toBe(404);
  expect(await audit()).toEqual(before);
});

test('no secret gets in', async () => {
  const { key } = await makeKey('audited-admin', 'admin');
  const url = 'https://10.1.2.3/hooks/T00000000/B00000000?token=s3cr3t-in-a-url';
  const made = await rig.call({ method: 'POST', url: '/v1/webhooks', payload: { url, eventTypes: ['job.dead'] } });
  expect(made.status).toBe(201);
  expect((await audit())[0]).toMatchObject({
    action: 'createWebhook',
    target: `webhook:${String(made.body['id'])}`,
    detail: { url: 'https://10.1.2.3', eventTypes: ['job.dead'] },
  });
  const rotated = await rig.call({
    method: 'POST',
    url: `/v1/webhooks/${String(made.body['id'])}/rotate`,
    payload: {},
  });
  expect(rotated.body['secret']).toMatch(/^whsec_/);
  const dead = await rig.submit('audited-secret');
  await rig.end(dead, { state: 'dead', error: new StowageError('volume-in-use', 'no').facts });
  const secrets = [key, PRESET_KEY, String(made.body['secret']), String(rotated.body['secret'])];
  for (const secret of secrets.filter((each) => each !== PRESET_KEY)) {
    await rig.call({ method: 'DELETE', url: `/v1/keys/${encodeURIComponent(secret)}` });
    await rig.call({ method: 'DELETE', url: `/v1/jobs/${dead}?key=${encodeURIComponent(secret)}` });
    await rig.call({
      method: 'POST',
      url: `/v1/jobs/${dead}/discard`,
      payload: { reason: `leaked ${secret}`, secret, n: 1 },
    });
    const payload = { password: secret, reason: 'x', filter: { token: secret } };
    await rig.call({ method: 'POST', url: `/v1/jobs/${dead}/discard`, payload });
  }
  await rig.call({
    method: 'POST',
    url: `/v1/jobs/${dead}/redrive`,
    payload: { payload: { password: 'hunter2-of-payload' } },
  });
  await rig.call({ method: 'POST', url: '/v1/keys', payload: { name: 'x', role: 'admin', key: 'hunter3-of-body' } });
  await rig.call({ method: 'PATCH', url: '/v1/webhooks/x', payload: 'hunter4' });
  const log = await raw();
  expect(log).toContain('leaked [secret]');
  for (const secret of [...secrets, 's3cr3t-in-a-url', 'T00000000', 'hunter']) expect(log).not.toContain(secret);
});

test('a long text is kept as its beginning', async () => {
  const id = await rig.submit('audited-long');
  await rig.end(id, { state: 'dead', error: new StowageError('volume-in-use', 'no').facts });
  await rig.call({ method: 'POST', url: `/v1/jobs/${id}/discard`, payload: { reason: 'why '.repeat(200) } });
  expect((await audit())[0]?.['detail']).toEqual({ reason: `${'why '.repeat(75)}…` });
});

test('the log is for admins, and is asked by actor, action and time, page by page', async () => {
  const { key } = await makeKey('audited-operator', 'operator');
  expect((await rig.call({ url: '/v1/audit', key })).status).toBe(403);
  const since = new Date().toISOString();
  for (let at = 0; at < 3; at += 1) await rig.call({ method: 'DELETE', url: '/v1/keys/none', key });
  const query = `actor=key:audited-operator&action=revokeKey&since=${since}`;
  const first = await rig.call({ url: `/v1/audit?${query}&limit=2` });
  expect(first.body['items']).toHaveLength(2);
  const second = await rig.call({ url: `/v1/audit?${query}&limit=2&cursor=${String(first.body['next'])}` });
  expect(second.body['items']).toHaveLength(1);
  expect(second.body['next']).toBeUndefined();
  expect(await audit(`actor=key:audited-operator&until=2020-01-01T00:00:00Z`)).toEqual([]);
  expect(await audit('actor=nobody')).toEqual([]);
  expect((await rig.call({ url: '/v1/audit?cursor=x' })).body['code']).toBe('cursor-invalid');
});

test('what cannot be written is in the process log, and the request is served', async () => {
  const redis = new Redis({ path: rig.redis.socketPath, password: rig.redis.password });
  await redis.rename('{rest}:audit', '{rest}:audit-kept');
  await redis.set('{rest}:audit', 'no stream');
  try {
    expect((await rig.call({ method: 'DELETE', url: '/v1/keys/none' })).status).toBe(404);
    expect(rig.log()).toMatch(/"audit":\{[^\n]*"action":"revokeKey"[^\n]*is not in the audit log/);
  } finally {
    await redis.rename('{rest}:audit-kept', '{rest}:audit');
    redis.disconnect();
  }
});
