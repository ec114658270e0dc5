import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../platform/clock.ts';
import { createLogger } from '../platform/log.ts';
import { image } from './images/image.ts';
import { type Credentials, pushImage } from './images/push.ts';
import { file } from './images/tar.ts';
import { type LabRegistry, startRegistry } from './registry.ts';
import { startTokenServer, type TokenServer } from './token-server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'stowage-token-'));
const anna = { user: 'anna', password: 'a:secret' };
const reader = { user: 'rita', password: 'other' };
let tokens: TokenServer;
let registry: LabRegistry;

const grantedToken = z.object({
  token: z.string(),
  access_token: z.string(),
  expires_in: z.number(),
  refresh_token: z.string().optional(),
});

beforeAll(async () => {
  const users = [
    { name: anna.user, password: anna.password },
    { name: reader.user, password: reader.password, actions: ['pull'] as const },
  ];
  tokens = await startTokenServer({ dir: join(scratch, 'tokens'), users, clock: systemClock });
  const logger = createLogger({ name: 'test', level: 'silent' });
  registry = await startRegistry({ dir: join(scratch, 'registry'), logger, auth: { mode: 'token', server: tokens } });
  await push('pub/some', anna);
  await push('private/some', anna);
});

beforeEach(() => tokens.setTtl({ ttlS: 300 }));

afterAll(async () => {
  await registry.stop();
  await tokens.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function push(name: string, auth?: Credentials): Promise<string> {
  const spec = { layers: [[file('some', `${name}\n`)]], config: {}, history: [{ createdBy: name }] };
  const pushed = await image({ ...spec, format: 'oci', compression: 'gzip' });
  return pushImage({
    registryUrl: registry.url,
    name,
    tag: '1',
    image: pushed,
    ...(auth === undefined ? {} : { auth }),
  });
}

async function ask(query: Readonly<Record<string, string>>, auth?: Credentials) {
  const url = `${tokens.realm}?${new URLSearchParams({ service: tokens.service, ...query }).toString()}`;
  const headers = auth && { authorization: `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}` };
  const answer = await fetch(url, headers === undefined ? {} : { headers });
  return answer.ok ? grantedToken.parse(await answer.json()) : answer.status;
}

async function post(form: Readonly<Record<string, string>>) {
  const answer = await fetch(tokens.realm, { method: 'POST', body: new URLSearchParams(form) });
  return answer.ok ? grantedToken.parse(await answer.json()) : answer.status;
}

async function pull(name: string, granted: Awaited<ReturnType<typeof ask>>): Promise<number> {
  const authorization = typeof granted === 'object' ? { authorization: `Bearer ${granted.token}` } : {};
  const headers = { accept: 'application/vnd.oci.image.manifest.v1+json', ...authorization };
  const answer = await fetch(`${registry.url}/v2/${name}/manifests/1`, { headers });
  await answer.body?.cancel();
  return answer.status;
}

describe('the token server', () => {
  test('the registry sends callers to it, with the scope they need', async () => {
    const answer = await fetch(`${registry.url}/v2/pub/some/manifests/1`);
    await answer.body?.cancel();
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer realm="${tokens.realm}",service="${tokens.service}",scope="repository:pub/some:pull"`,
    ]);
  });

  test('everybody may pull what is public, and only users the rest', async () => {
    expect(await pull('pub/some', await ask({ scope: 'repository:pub/some:pull' }))).toBe(200);
    expect(await pull('private/some', await ask({ scope: 'repository:private/some:pull' }))).toBe(401);
    expect(await pull('private/some', await ask({ scope: 'repository:private/some:pull' }, reader))).toBe(200);
    await expect(push('pub/other')).rejects.toThrow(/HTTP 401/);
    await expect(push('private/other', reader)).rejects.toThrow(/HTTP 401/);
  });

  test('a wrong password gives no token, not even for what is public', async () => {
    const wrong = { user: 'anna', password: 'wrong' };
    expect(await ask({ scope: 'repository:pub/some:pull' }, wrong)).toBe(401);
    await expect(push('private/some', wrong)).rejects.toThrow('The registry refuses a token: HTTP 401');
  });

  test('a token is good for its scopes only', async () => {
    const granted = await ask({ scope: 'repository:other/some:pull repository:pub/some:pull,push' }, anna);
    expect(await pull('private/some', granted)).toBe(401);
    expect(await pull('pub/some', granted)).toBe(200);
  });

  test('a token that is over is refused, whatever its reader was told', async () => {
    const scope = 'repository:private/some:pull';
    tokens.setTtl({ ttlS: -1, statedTtlS: 300 });
    const late = await ask({ scope }, anna);
    expect(late).toMatchObject({ expires_in: 300 });
    expect(await pull('private/some', late)).toBe(401);
    tokens.setTtl({ ttlS: 300 });
    expect(await pull('private/some', await ask({ scope }, anna))).toBe(200);
  });

  test('counts the tokens that it gave, by user and scope', async () => {
    const before = tokens.issued.length;
    await ask({ scope: 'repository:pub/some:pull' });
    await ask({ scope: 'repository:private/some:pull,push' }, reader);
    expect(tokens.issued.slice(before)).toEqual([
      { scopes: ['repository:pub/some:pull'], flow: 'GET' },
      { user: 'rita', scopes: ['repository:private/some:pull'], flow: 'GET' },
    ]);
  });

  test('speaks OAuth2: a password, and the refresh token it was exchanged for', async () => {
    const common = { service: tokens.service, client_id: 'test', scope: 'repository:private/some:pull' };
    const wrong = { ...common, grant_type: 'password', username: 'anna', password: 'wrong' };
    expect(await post(wrong)).toBe(401);
    const first = await post({ ...wrong, password: anna.password, access_type: 'offline' });
    expect(await pull('private/some', first)).toBe(200);
    const refreshToken = typeof first === 'object' ? first.refresh_token : undefined;
    const second = await post({ ...common, grant_type: 'refresh_token', refresh_token: refreshToken ?? '' });
    expect(await pull('private/some', second)).toBe(200);
    expect(await post({ ...common, grant_type: 'refresh_token', refresh_token: 'another' })).toBe(401);
  });
});
