import type { InjectOptions } from 'fastify';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Answer, PRESET_KEY, type Rig, startRig } from './rig.ts';

const HOUR_MS = 3_600_000;
let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

interface SignedIn {
  readonly cookie: string;
  readonly csrf: string;
  readonly body: Answer['body'];
  call(options: InjectOptions): Promise<Answer>;
}

async function signIn(key: string = PRESET_KEY, on: Rig = rig): Promise<SignedIn> {
  const { status, headers, body } = await on.call({ method: 'POST', url: '/v1/session', key: null, payload: { key } });
  expect(status).toBe(200);
  const cookie = String(headers['set-cookie']).split(';', 1)[0] ?? '';
  const csrf = String(body['csrf']);
  return {
    cookie,
    csrf,
    body,
    call: (options) => on.call({ ...options, key: null, headers: { cookie, ...options.headers } }),
  };
}

async function makeKey(name: string, role: string): Promise<{ readonly id: string; readonly key: string }> {
  const { body } = await rig.call({ method: 'POST', url: '/v1/keys', payload: { name, role } });
  return { id: String(body['id']), key: String(body['key']) };
}

test('anybody can read the ways to sign in', async () => {
  const { status, body } = await rig.call({ url: '/v1/sign-in', key: null });
  expect({ status, body }).toEqual({ status: 200, body: { methods: { key: true } } });
});

test('a key is exchanged for a session, whose cookie no script and no foreign page has', async () => {
  const payload = { key: PRESET_KEY };
  const { status, headers, body } = await rig.call({ method: 'POST', url: '/v1/session', key: null, payload });
  expect(status).toBe(200);
  expect(headers['set-cookie']).toMatch(
    /^stowage_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  expect(headers['cache-control']).toBe('no-store');
  expect(body).toEqual({
    actor: 'key:preset',
    role: 'admin',
    csrf: expect.stringMatching(/^[\w-]{43}$/),
    expiresAt: expect.any(String),
    version: '0.0.0-test',
  });
});

test('the session reads, and says who it is', async () => {
  const { call, body } = await signIn();
  expect((await call({ url: '/v1/jobs' })).status).toBe(200);
  expect((await call({ url: '/v1/session' })).body).toMatchObject({ actor: 'key:preset', csrf: body['csrf'] });
});

test('without a session there is none to read', async () => {
  expect(await rig.call({ url: '/v1/session', key: null })).toMatchObject({
    status: 401,
    body: { code: 'credentials-missing' },
  });
  expect((await rig.call({ url: '/v1/session' })).body['detail']).toContain('with a key, not with a session');
});

test.each([
  ['no header', {}, 403, 'csrf-missing'],
  ['an empty header', { 'x-stowage-csrf': '' }, 403, 'csrf-missing'],
  ['a wrong header', { 'x-stowage-csrf': 'x'.repeat(43) }, 403, 'csrf-wrong'],
  ['a short header', { 'x-stowage-csrf': 'x' }, 403, 'csrf-wrong'],
])('a change with %s is refused', async (_name, headers, status, code) => {
  const { call } = await signIn();
  const payload = { kind: 'parcel.send', payload: { name: 'forged' } };
  expect(await call({ method: 'POST', url: '/v1/jobs', payload, headers })).toMatchObject({ status, body: { code } });
});

test('a change with the header of the session is made in its name', async () => {
  const { call, csrf } = await signIn();
  const payload = { kind: 'parcel.send', payload: { name: 'by-session' } };
  const { status, body } = await call({
    method: 'POST',
    url: '/v1/jobs',
    payload,
    headers: { 'x-stowage-csrf': csrf },
  });
  expect(status).toBe(202);
  expect(body['actor']).toBe('key:preset');
});

test('the header of another session of the same person does not serve', async () => {
  const [one, other] = [await signIn(), await signIn()];
  expect(one.csrf).not.toBe(other.csrf);
  const { body } = await one.call({
    method: 'DELETE',
    url: '/v1/session',
    headers: { 'x-stowage-csrf': other.csrf },
  });
  expect(body['code']).toBe('csrf-wrong');
});

test.each([
  [{ 'sec-fetch-site': 'cross-site' }],
  [{ 'sec-fetch-site': 'same-site' }],
  [{ origin: 'https://elsewhere.example.com' }],
  [{ origin: 'null' }],
])('what a page of another origin sends is refused, whatever else it has: %j', async (foreign) => {
  const { call, csrf } = await signIn();
  const headers = { 'x-stowage-csrf': csrf, ...foreign };
  expect((await call({ method: 'DELETE', url: '/v1/session', headers })).body['code']).toBe('origin-foreign');
  const signIn2 = { method: 'POST', url: '/v1/session', payload: { key: PRESET_KEY }, headers: foreign } as const;
  expect((await rig.call({ ...signIn2, key: null })).body['code']).toBe('origin-foreign');
});

test('a page of ours may', async () => {
  const { call, csrf } = await signIn();
  const ours = { 'x-stowage-csrf': csrf, origin: 'http://localhost:8080', host: 'localhost:8080' };
  expect((await call({ method: 'DELETE', url: '/v1/session', headers: ours })).status).toBe(204);
});

test('a request with a key never looks at cookies', async () => {
  const { cookie } = await signIn();
  const { key } = await makeKey('beside-a-cookie', 'viewer');
  const headers = { cookie };
  expect((await rig.call({ url: '/v1/keys', key, headers })).status).toBe(403);
  expect((await rig.call({ url: '/v1/jobs', key: 'wrong', headers })).body['code']).toBe('credentials-wrong');
  expect((await rig.call({ url: '/v1/jobs', headers: { cookie: 'stowage_session=x' } })).status).toBe(200);
  // With a key no header is needed.
  const payload = { kind: 'parcel.send', payload: { name: 'by-key' } };
  expect((await rig.call({ method: 'POST', url: '/v1/jobs', payload, headers })).status).toBe(202);
});

test('signing out ends the session and takes its cookie back', async () => {
  const { call, csrf } = await signIn();
  const headers = { 'x-stowage-csrf': csrf };
  const out = await call({ method: 'DELETE', url: '/v1/session', headers });
  expect(out.status).toBe(204);
  expect(out.headers['set-cookie']).toMatch(
    /^stowage_session=; Max-Age=0; Path=\/; Expires=.*; HttpOnly; SameSite=Strict$/,
  );
  expect((await call({ url: '/v1/jobs' })).body['code']).toBe('session-over');
  expect((await call({ method: 'DELETE', url: '/v1/session', headers })).status).toBe(401);
});

test('who signs in again leaves no session behind', async () => {
  const first = await signIn();
  const payload = { key: PRESET_KEY };
  await first.call({ method: 'POST', url: '/v1/session', payload });
  expect((await first.call({ url: '/v1/jobs' })).body['code']).toBe('session-over');
});

test('a session has the role of its key, and is refused what that may not do', async () => {
  const { key } = await makeKey('looks-on', 'viewer');
  const { call, csrf, body } = await signIn(key);
  expect(body).toMatchObject({ actor: 'key:looks-on', role: 'viewer' });
  const refused = await call({ url: '/v1/keys' });
  expect(refused.status).toBe(403);
  expect(refused.body['detail']).toBe('this needs the role admin; you have the role viewer');
  const payload = { kind: 'parcel.send', payload: { name: 'parcel' } };
  const headers = { 'x-stowage-csrf': csrf };
  expect((await call({ method: 'POST', url: '/v1/jobs', payload, headers })).body['code']).toBe('role-insufficient');
});

test('a revoked key ends its sessions at once', async () => {
  const { id, key } = await makeKey('leaves', 'operator');
  const [one, other] = [await signIn(key), await signIn(key)];
  expect((await one.call({ url: '/v1/jobs' })).status).toBe(200);
  await rig.call({ method: 'DELETE', url: `/v1/keys/${id}` });
  for (const { call } of [one, other]) expect((await call({ url: '/v1/jobs' })).body['code']).toBe('session-over');
});

test('another preset key ends the sessions of the one before', async () => {
  const { store } = rig;
  const origin = { type: 'preset', key: 'the-preset-key-before' } as const;
  const { token } = await store.sessions.begin({ actor: 'key:preset', role: 'admin', origin });
  expect(await store.sessions.find(token, 'the-preset-key-before')).toMatchObject({ role: 'admin' });
  const headers = { cookie: `stowage_session=${token}` };
  expect((await rig.call({ url: '/v1/jobs', key: null, headers })).body['code']).toBe('session-over');
});

test('a session that is not used for twelve hours is over', async () => {
  const [used, unused] = [await signIn(), await signIn()];
  rig.advance(7 * HOUR_MS);
  expect((await used.call({ url: '/v1/jobs' })).status).toBe(200);
  rig.advance(7 * HOUR_MS);
  expect((await used.call({ url: '/v1/jobs' })).status).toBe(200);
  expect((await unused.call({ url: '/v1/jobs' })).body['code']).toBe('session-over');
});

test('after seven days a session is over however much it is used', async () => {
  const { call, body } = await signIn();
  const begun = Date.parse(String(body['expiresAt'])) - 12 * HOUR_MS;
  for (let hours = 0; hours < 161; hours += 7) {
    rig.advance(7 * HOUR_MS);
    expect((await call({ url: '/v1/jobs' })).status).toBe(200);
  }
  const { body: last } = await call({ url: '/v1/session' });
  expect(Date.parse(String(last['expiresAt'])) - begun).toBe(7 * 24 * HOUR_MS);
  rig.advance(7 * HOUR_MS);
  expect((await call({ url: '/v1/jobs' })).body['code']).toBe('session-over');
});

test.each([
  [{}, 400, 'request-invalid'],
  [{ key: '' }, 400, 'request-invalid'],
  [{ key: 5 }, 400, 'request-invalid'],
  [{ key: 'x'.repeat(513) }, 400, 'request-invalid'],
  [{ key: PRESET_KEY, role: 'admin' }, 400, 'request-invalid'],
  [{ key: 'no-key-of-ours' }, 401, 'credentials-wrong'],
])('%j signs nobody in', async (payload, status, code) => {
  const answer = await rig.call({ method: 'POST', url: '/v1/session', key: null, payload });
  expect(answer).toMatchObject({ status, body: { code } });
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test.each(['stowage_session=', 'stowage_session=short', `stowage_session=${'%'.repeat(43)}`, 'other=1', ';;=;'])(
  'the cookie %j is no session',
  async (cookie) => {
    const { status, body } = await rig.call({ url: '/v1/jobs', key: null, headers: { cookie } });
    expect({ status, code: body['code'] }).toEqual({ status: 401, code: 'credentials-missing' });
  },
);

test('an event stream opens with the session', async () => {
  const { cookie } = await signIn();
  const address = await rig.app.listen({ host: '127.0.0.1', port: 0 });
  const stop = new AbortController();
  const url = `${address}/v1/events?after=0`;
  const headers = { accept: 'text/event-stream' };
  const answer = await fetch(url, { headers: { ...headers, cookie }, signal: stop.signal });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  stop.abort();
  expect((await fetch(url, { headers })).status).toBe(401);
});

test.each([
  [
    'a session that was ended',
    async (made: { readonly id: string }, session: SignedIn) => {
      await session.call({ method: 'DELETE', url: '/v1/session', headers: { 'x-stowage-csrf': session.csrf } });
      return made;
    },
  ],
  [
    'a session whose key was revoked',
    async (made: { readonly id: string }) => {
      await rig.call({ method: 'DELETE', url: `/v1/keys/${made.id}` });
      return made;
    },
  ],
])('the stream of %s ends, those of others go on', async (name, end) => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  try {
    const made = await makeKey(name.replaceAll(' ', '-'), 'viewer');
    const [session, other] = [await signIn(made.key), await signIn()];
    const address = rig.app.listeningOrigin;
    const [ending, lasting] = await Promise.all(
      [session, other].map(async ({ cookie }) => {
        const headers = { accept: 'text/event-stream', cookie };
        return await fetch(`${address}/v1/events`, { headers });
      }),
    );
    await end(made, session);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await ending?.text()).toBe('retry: 1000\n\n');
    await rig.submit(`told-after-${made.id.toLowerCase().replaceAll(/[^a-z0-9]/g, '')}`);
    const reader = lasting?.body?.getReader();
    const decoder = new TextDecoder();
    let told = '';
    while (!told.includes('job.submitted')) told += decoder.decode((await reader?.read())?.value);
    await reader?.cancel();
  } finally {
    vi.useRealTimers();
  }
});

test('after ten wrong keys an address has to wait, also with the right one; other addresses have not', async () => {
  rig.advance(HOUR_MS);
  const attempt = async (key: string, remoteAddress: string): Promise<Answer> =>
    await rig.call({ method: 'POST', url: '/v1/session', key: null, payload: { key }, remoteAddress });
  for (let each = 0; each < 20; each += 1) expect((await attempt(PRESET_KEY, '10.9.9.9')).status).toBe(200);
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async () => (await attempt('guess', '10.9.9.9')).status),
  );
  expect(statuses.filter((status) => status === 401)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(20);
  const refused = await attempt(PRESET_KEY, '10.9.9.9');
  expect(refused.body['code']).toBe('too-many-attempts');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(900);
  expect((await attempt(PRESET_KEY, '10.9.9.10')).status).toBe(200);
  rig.advance(HOUR_MS / 4);
  expect((await attempt(PRESET_KEY, '10.9.9.9')).status).toBe(200);
});

test('addresses of one IPv6 network share their attempts', async () => {
  const attempt = async (remoteAddress: string): Promise<number> =>
    (await rig.call({ method: 'POST', url: '/v1/session', key: null, payload: { key: 'guess' }, remoteAddress }))
      .status;
  for (let each = 1; each <= 10; each += 1) expect(await attempt(`2001:db8:1:2::${each}`)).toBe(401);
  expect(await attempt('2001:db8:1:2:aaaa::1')).toBe(429);
  expect(await attempt('2001:db8:1:3::1')).toBe(401);
});

test('no token, key or header is in the log, and only the hash of a token is in Redis', async () => {
  const { cookie, csrf, call } = await signIn();
  await call({ url: '/v1/session' });
  const token = cookie.split('=')[1] ?? '';
  const log = rig.log();
  for (const secret of [token, csrf, PRESET_KEY, 'no-key-of-ours']) expect(log).not.toContain(secret);
  expect(log).toContain('"actor":"key:preset"');
  const client = new Redis(rig.redis.url);
  const names = await client.keys('*');
  const kept = await client.mget(names.filter((name) => name.includes('session:')));
  await client.quit();
  expect(kept.length).toBeGreaterThan(0);
  for (const secret of [token, csrf, PRESET_KEY]) expect([...names, ...kept].join('\n')).not.toContain(secret);
});

test('the audit log has sign-ins and those that were refused, and no key', async () => {
  await signIn();
  await rig.call({ method: 'POST', url: '/v1/session', key: null, payload: { key: 'stw_notAKeyOfOurs1' } });
  const { body, text } = await rig.call({ url: '/v1/audit?action=signIn&limit=2' });
  expect(body['items']).toMatchObject([
    { actor: 'anonymous', outcome: 'refused', status: 401 },
    { actor: 'key:preset', role: 'admin', outcome: 'done', status: 200 },
  ]);
  for (const secret of [PRESET_KEY, 'notAKeyOfOurs1']) expect(text).not.toContain(secret);
});

test('by TLS the cookie is Secure, and of this host alone', async () => {
  const web = { publicUrl: 'https://stowage.example.com', trustedProxies: [], isQueuesWritable: false };
  const other = await startRig(undefined, { web });
  try {
    const { cookie, call, csrf } = await signIn(PRESET_KEY, other);
    expect(cookie).toMatch(/^__Host-stowage_session=/);
    const plain = { cookie: cookie.replace('__Host-', '') };
    expect((await other.call({ url: '/v1/jobs', key: null, headers: plain })).status).toBe(401);
    const headers = { 'x-stowage-csrf': csrf, origin: web.publicUrl, host: 'inside:8080' };
    const out = await call({ method: 'DELETE', url: '/v1/session', headers });
    expect(out.status).toBe(204);
    expect(String(out.headers['set-cookie'])).toContain('; Secure');
  } finally {
    await other.close();
  }
});

test('a trusted proxy says who asks, and how; others are not believed', async () => {
  const web = { trustedProxies: ['10.0.0.0/8'], traceUrl: 'http://traces/{traceId}', isQueuesWritable: false };
  const other = await startRig(undefined, { web });
  const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7' };
  const signInFrom = async (remoteAddress: string): Promise<Answer> =>
    await other.call({
      method: 'POST',
      url: '/v1/session',
      key: null,
      payload: { key: PRESET_KEY },
      headers,
      remoteAddress,
    });
  try {
    const proxied = await signInFrom('10.1.2.3');
    expect(String(proxied.headers['set-cookie'])).toMatch(/^__Host-stowage_session=.*; Secure;/);
    expect(proxied.body['traceUrl']).toBe('http://traces/{traceId}');
    expect(String((await signInFrom('192.0.2.1')).headers['set-cookie'])).toMatch(/^stowage_session=/);
  } finally {
    await other.close();
  }
});
