import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import type { OidcConfig } from '../../platform/oidc-settings.ts';
import { Secret } from '../../platform/secret.ts';
import { startOidcProvider, type TestProvider } from '../../test/harness/oidc.ts';
import { type Answer, type Rig, startRig } from '../rest/rig.ts';
import { createOidcProvider } from './oidc-provider.ts';

const PUBLIC_URL = 'http://127.0.0.1:8080';
const PAGE = { accept: 'text/html' };

let provider: TestProvider;
let rig: Rig;
let aheadMs = 0;
const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };

function configOf(changes: Partial<OidcConfig> = {}): OidcConfig {
  return {
    issuer: provider.issuer,
    clientId: provider.clientId,
    clientSecret: new Secret(provider.clientSecret),
    name: 'Example Login',
    scope: 'openid profile email',
    userClaim: 'preferred_username',
    roleClaim: 'groups',
    roles: [
      { role: 'admin', values: ['admins'] },
      { role: 'operator', values: ['ops', 'storage'] },
      { role: 'viewer', values: ['staff'] },
    ],
    publicUrl: PUBLIC_URL,
    ...changes,
  };
}

async function rigWith(changes: Partial<OidcConfig> = {}): Promise<Rig> {
  const web = { publicUrl: PUBLIC_URL, trustedProxies: [], isQueuesWritable: false };
  return await startRig(undefined, { web, oidc: createOidcProvider(configOf(changes), { clock, randomBytes }) });
}

beforeAll(async () => {
  provider = await startOidcProvider([`${PUBLIC_URL}/auth/oidc/callback`]);
  rig = await rigWith();
});
afterAll(async () => {
  await rig.close();
  await provider.close();
});
afterEach(() => {
  provider.inToken = true;
  aheadMs = 0;
});

/** Goes through the provider's pages as a browser would, and stops before it calls us back. */
async function through(url: string): Promise<URL> {
  const jar = new Map<string, string>();
  let next = new URL(url);
  for (let hops = 0; hops < 10; hops += 1) {
    if (next.href.startsWith(PUBLIC_URL)) return next;
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(next, { redirect: 'manual', headers: { cookie } });
    for (const each of answer.headers.getSetCookie()) {
      const [pair = ''] = each.split(';', 1);
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`${next.href} answered ${answer.status}: ${await answer.text()}`);
    next = new URL(location, next);
  }
  throw new Error('the provider leads around in circles');
}

async function begin(
  on: Rig = rig,
  url = '/auth/oidc/start',
): Promise<{ readonly url: string; readonly ticket: string }> {
  const { status, headers } = await on.call({ url, key: null });
  expect(status).toBe(302);
  return { url: String(headers['location']), ticket: String(headers['set-cookie']).split(';', 1)[0] ?? '' };
}

async function callBack(on: Rig, { search }: URL, cookie: string): Promise<Answer> {
  return await on.call({ url: `/auth/oidc/callback${search}`, key: null, headers: { ...PAGE, cookie } });
}

async function signIn(person: TestProvider['person'], on: Rig = rig, url?: string): Promise<Answer> {
  provider.person = person;
  const begun = await begin(on, url);
  return await callBack(on, await through(begun.url), begun.ticket);
}

function sessionOf({ headers }: Answer): string {
  const cookies = [headers['set-cookie']].flat().map(String);
  return cookies.find((each) => each.startsWith('stowage_session='))?.split(';', 1)[0] ?? '';
}

async function whoIs(answer: Answer, on: Rig = rig): Promise<Answer['body']> {
  return (await on.call({ url: '/v1/session', key: null, headers: { cookie: sessionOf(answer) } })).body;
}

const alice = { sub: 'id-1', preferred_username: 'alice', groups: ['everybody', 'storage'] };

test('the sign-in page learns of the provider', async () => {
  const { body } = await rig.call({ url: '/v1/sign-in', key: null });
  expect(body).toEqual({ methods: { key: true, oidc: { name: 'Example Login', url: '/auth/oidc/start' } } });
});

test('the browser is sent to the provider with PKCE, state and nonce, and gets a ticket', async () => {
  const { headers } = await rig.call({ url: '/auth/oidc/start', key: null });
  const url = new URL(String(headers['location']));
  expect(url.origin).toBe(provider.issuer);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    client_id: 'stowage',
    response_type: 'code',
    redirect_uri: `${PUBLIC_URL}/auth/oidc/callback`,
    scope: 'openid profile email',
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    code_challenge_method: 'S256',
  });
  expect(headers['set-cookie']).toMatch(/^stowage_sign_in=[\w-]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/);
  for (const secret of ['state', 'nonce']) {
    expect(String(headers['set-cookie'])).not.toContain(url.searchParams.get(secret));
  }
});

test('who has a group of ours gets a session with its role', async () => {
  const answer = await signIn(alice);
  expect(answer).toMatchObject({ status: 302, headers: { location: '/console/' } });
  const cookies = [answer.headers['set-cookie']].flat().map(String);
  expect(cookies).toContainEqual(expect.stringMatching(/^stowage_session=.*; HttpOnly; SameSite=Strict$/));
  expect(cookies).toContainEqual(expect.stringMatching(/^stowage_sign_in=; Max-Age=0;/));
  expect(await whoIs(answer)).toMatchObject({ actor: 'oidc:alice', role: 'operator' });
});

test.each([
  [['admins', 'staff'], 'admin'],
  [['staff', 'ops'], 'operator'],
  [['staff'], 'viewer'],
  ['staff', 'viewer'],
])('the groups %j make a %s', async (groups, role) => {
  expect(await whoIs(await signIn({ ...alice, groups }))).toMatchObject({ role });
});

test.each([[['everybody']], [[]], [undefined], ['Admins'], [[['admins']]], [{ admins: true }], [5]])(
  'the groups %j let nobody in',
  async (groups) => {
    const answer = await signIn({ ...alice, groups });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('No value of the role claim');
    expect(sessionOf(answer)).toBe('');
  },
);

test('who signed in, and who was refused, is in the audit log', async () => {
  const person = { ...alice, preferred_username: 'carol' };
  await signIn(person);
  await signIn({ ...person, groups: [] });
  const { body } = await rig.call({ url: '/v1/audit?action=signInByOidc&limit=2' });
  expect(body['items']).toMatchObject([
    { actor: 'anonymous', outcome: 'refused', status: 403 },
    { actor: 'oidc:carol', role: 'operator', outcome: 'done', status: 302, address: '127.0.0.1' },
  ]);
  expect(JSON.stringify(body)).not.toContain('code=');
});

test('groups that are not in the token are fetched', async () => {
  provider.inToken = false;
  expect(await whoIs(await signIn({ ...alice, groups: ['admins'] }))).toMatchObject({ role: 'admin' });
});

test('a claim may lie within another', async () => {
  const other = await rigWith({ roleClaim: 'realm_access.roles' });
  try {
    const person = { ...alice, groups: ['admins'], realm_access: { roles: ['staff'] } };
    expect(await whoIs(await signIn(person, other), other)).toMatchObject({ role: 'viewer' });
  } finally {
    await other.close();
  }
});

test.each([
  [{ sub: 's', preferred_username: 'bob', email: 'b@example.com', email_verified: true }, 'oidc:bob'],
  [{ sub: 's', email: 'b@example.com', email_verified: true }, 'oidc:b@example.com'],
  [{ sub: 's', email: 'admin@example.com', email_verified: false }, 'oidc:s'],
  [{ sub: 's', email: 'admin@example.com' }, 'oidc:s'],
  [{ sub: 's', preferred_username: 'a\nb\u202Ec' }, 'oidc:a b c'],
])('%j is called %s', async (claims, actor) => {
  expect(await whoIs(await signIn({ ...claims, groups: ['staff'] }))).toMatchObject({ actor });
});

test('such a session is over after twelve hours, however much it is used', async () => {
  const other = await rigWith();
  try {
    const headers = { cookie: sessionOf(await signIn(alice, other)) };
    other.advance(11 * 3_600_000);
    expect((await other.call({ url: '/v1/jobs', key: null, headers })).status).toBe(200);
    other.advance(2 * 3_600_000);
    expect((await other.call({ url: '/v1/jobs', key: null, headers })).body['code']).toBe('session-over');
  } finally {
    await other.close();
  }
});

test.each([
  ['/console/jobs/01hz?state=dead', '/console/jobs/01hz?state=dead'],
  ['https://elsewhere.example.com/', '/console/'],
  ['//elsewhere.example.com/console/', '/console/'],
  ['/console/../../elsewhere', '/console/'],
  ['/queues/', '/console/'],
  ['/console/\\elsewhere', '/console/'],
])('who wanted %s is led to %s', async (wanted, to) => {
  const answer = await signIn(alice, rig, `/auth/oidc/start?return=${encodeURIComponent(wanted)}`);
  expect(answer.headers['location']).toBe(to);
});

test('who goes away at the provider is told so, on a page with a way back', async () => {
  const answer = await signIn(undefined);
  expect(answer.status).toBe(403);
  expect(answer.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8' });
  expect(answer.text).toContain('The provider answered access_denied');
  expect(answer.text).not.toContain('they went away');
  expect(answer.text).toContain('<a href="/console/">');
});

test('a callback without the ticket, with another, or with a changed one is refused', async () => {
  provider.person = alice;
  const [mine, other] = [await begin(), await begin()];
  const url = await through(mine.url);
  expect(await callBack(rig, url, '')).toMatchObject({ status: 400 });
  const changed = `${mine.ticket.slice(0, -2)}${mine.ticket.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const ticket of [changed, 'stowage_sign_in=x', 'stowage_sign_in=', `${mine.ticket}AAAA`]) {
    expect((await callBack(rig, url, ticket)).status).toBe(400);
  }
  const swapped = await callBack(rig, url, other.ticket);
  expect(swapped.status).toBe(403);
  expect(sessionOf(swapped)).toBe('');
});

test.each([
  ['no state', (url: URL) => url.searchParams.delete('state')],
  ['another state', (url: URL) => url.searchParams.set('state', 'x'.repeat(43))],
  ['a code that the provider never gave', (url: URL) => url.searchParams.set('code', 'made-up')],
  ['no code', (url: URL) => url.searchParams.delete('code')],
  ['another issuer', (url: URL) => url.searchParams.set('iss', 'https://elsewhere.example.com')],
  ['sentences of a stranger', (url: URL) => (url.search = '?error=call_0900&error_description=<b>now</b>')],
])('a callback with %s signs nobody in', async (_name, change) => {
  provider.person = alice;
  const { url, ticket } = await begin();
  const back = await through(url);
  change(back);
  const answer = await callBack(rig, back, ticket);
  expect(answer.status).toBe(403);
  expect(answer.text).not.toContain('<b>');
  expect(sessionOf(answer)).toBe('');
});

test('a code serves once', async () => {
  provider.person = alice;
  const { url, ticket } = await begin();
  const back = await through(url);
  expect((await callBack(rig, back, ticket)).status).toBe(302);
  expect((await callBack(rig, back, ticket)).status).toBe(403);
});

test('a sign-in that takes longer than ten minutes begins again', async () => {
  provider.person = alice;
  const { url, ticket } = await begin();
  const back = await through(url);
  aheadMs = 601_000;
  const answer = await callBack(rig, back, ticket);
  expect(answer.status).toBe(400);
  expect(answer.text).toContain('too long ago');
});

test('a provider that is away, or is none, is told as such, and asked again next time', async () => {
  const away = createServer((_request, response) => response.end('<h1>under construction</h1>'));
  await new Promise<void>((resolve) => {
    away.listen(0, '127.0.0.1', resolve);
  });
  const address = away.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`;
  const other = await rigWith({ issuer });
  try {
    const noProvider = await other.call({ url: '/auth/oidc/start', key: null, headers: PAGE });
    expect({ status: noProvider.status, retry: noProvider.headers['retry-after'] }).toEqual({
      status: 503,
      retry: '5',
    });
    away.closeAllConnections();
    await new Promise((resolve) => {
      away.close(resolve);
    });
    const problem = await other.call({ url: '/auth/oidc/start', key: null });
    expect(problem).toMatchObject({ status: 503, body: { code: 'oidc-unreachable' } });
  } finally {
    await other.close();
  }
});

test('without a provider there are no such routes', async () => {
  const other = await startRig();
  try {
    for (const url of ['/auth/oidc/start', '/auth/oidc/callback']) {
      expect((await other.call({ url, key: null })).status).toBe(404);
    }
  } finally {
    await other.close();
  }
});

test('nothing that would sign somebody in is in the log', async () => {
  provider.person = alice;
  const { url, ticket } = await begin();
  const back = await through(url);
  const answer = await callBack(rig, back, ticket);
  const log = rig.log();
  const secrets = [
    ticket.split('=')[1],
    sessionOf(answer).split('=')[1],
    back.searchParams.get('code'),
    back.searchParams.get('state'),
  ];
  for (const secret of [...secrets, provider.clientSecret]) expect(log).not.toContain(secret);
  expect(log).toContain('"actor":"oidc:alice"');
});
