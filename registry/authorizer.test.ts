import { inspect } from 'node:util';
import { context, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { RegistryCredentials } from '../core/ports/registry.ts';
import { basicHeader } from './credentials.ts';
import { bytesOf, cut, HostileRegistry, LINUX, openTestRegistry, reference, sha256 } from './rig.ts';

const SECRETS = ['PLANTED-password', 'PLANTED-identity', 'PLANTED-registry', 'PLANTED-token'];
const PASSWORD: RegistryCredentials = { type: 'password', username: 'alice', password: 'PLANTED-password' };
const spans = new InMemorySpanExporter();
const signal = new AbortController().signal;

let server: HostileRegistry;
/** What the token server was asked. */
let asked: { method: string; url: string; authorization: string | undefined; body: string }[];
let good: Set<string>;
let expiresIn: number;

beforeAll(() => {
  const spanProcessors = [new SimpleSpanProcessor(spans)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
});
afterAll(() => {
  trace.disable();
  context.disable();
});
beforeEach(async () => {
  server = await HostileRegistry.start();
  server.addImage('1.0');
  asked = [];
  good = new Set();
  expiresIn = 300;
  server.hook = (request, response) => {
    if (request.url?.startsWith('/token')) {
      void issue(request).then(({ status, body }) => response.writeHead(status).end(JSON.stringify(body)));
      return true;
    }
    if (good.has(request.headers.authorization ?? '')) return false;
    const realm = `Bearer realm="${server.origin}/token",service="reg, \\"istry",scope="repository:team/app:pull"`;
    response.writeHead(401, { 'www-authenticate': ['Negotiate', realm] }).end();
    return true;
  };
});
afterEach(() => server[Symbol.asyncDispose]());

async function issue(request: IncomingMessage): Promise<{ status: number; body: object }> {
  const { method = '', url = '', headers } = request;
  const body = await text(request);
  asked.push({ method, url, authorization: headers.authorization, body });
  const isKnown =
    headers.authorization === basicHeader('alice', 'PLANTED-password') ||
    body.includes('PLANTED-identity') ||
    body.includes('PLANTED-password');
  if (!isKnown) return { status: 401, body: { details: 'wrong' } };
  const token = `PLANTED-token-${asked.length}`;
  good.add(`Bearer ${token}`);
  const isOffline = body.includes('access_type=offline') || body.includes('refresh_token');
  const more = isOffline ? { refresh_token: 'PLANTED-identity' } : {};
  return { status: 200, body: { token, expires_in: expiresIn, ...more } };
}

const app = (): ReturnType<typeof reference> => reference(`${server.host}/team/app:1.0`);

test('a token is fetched once for several requests, with scope, service and account', async () => {
  await using registry = openTestRegistry();
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  expect(asked).toHaveLength(1);
  const query = new URL(asked[0]?.url ?? '', server.origin).searchParams;
  expect(query.get('service')).toBe('reg, "istry');
  expect(query.get('scope')).toBe('repository:team/app:pull');
  expect(query.get('account')).toBe('alice');
});

test('a token is not shared with another caller', async () => {
  await using registry = openTestRegistry();
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  await expect(registry.resolve(app(), LINUX, { signal })).rejects.toMatchObject({ code: 'registry-denied' });
});

test('a token about to expire is fetched again, and one that expired early too', async () => {
  await using registry = openTestRegistry();
  expiresIn = 5;
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  expect(asked.length).toBe(2);
  expiresIn = 300;
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  good.clear();
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  expect(asked.length).toBe(4);
});

test('a token that expires in the middle of a blob is renewed, and the blob goes on', async () => {
  await using registry = openTestRegistry();
  const content = Buffer.alloc(50_000, 'abc');
  const { digest, size } = server.addBlob(content);
  const source = { registry: server.host, repository: 'team/app', digest, sizeBytes: size };
  const { hook } = server;
  let hasCut = false;
  server.hook = (request, response) => {
    if (hook(request, response)) return true;
    if (hasCut) return false;
    hasCut = true;
    good.clear();
    cut(request, response, content, 1_000);
    return true;
  };
  expect(sha256(await bytesOf(registry.blob(source, 0, { signal, credentials: PASSWORD })))).toBe(digest);
  expect(asked).toHaveLength(2);
});

test('an identity token is traded by POST, and a registry token used as it is', async () => {
  await using registry = openTestRegistry();
  await registry.resolve(app(), LINUX, { signal, credentials: { type: 'identity-token', token: 'PLANTED-identity' } });
  expect(asked).toMatchObject([{ method: 'POST', body: expect.stringContaining('grant_type=refresh_token') }]);
  good.add('Bearer PLANTED-registry');
  await registry.resolve(app(), LINUX, { signal, credentials: { type: 'registry-token', token: 'PLANTED-registry' } });
  expect(asked).toHaveLength(1);
});

test('a call without credentials uses those of the auth file', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'auth-'));
  const authFile = join(dir, 'config.json');
  const auth = Buffer.from('alice:PLANTED-password').toString('base64');
  await writeFile(authFile, JSON.stringify({ auths: { [`http://${server.host}/v1/`]: { auth } } }));
  await using registry = openTestRegistry({ authFile });
  await registry.resolve(app(), LINUX, { signal });
  expect(asked[0]?.authorization).toBe(basicHeader('alice', 'PLANTED-password'));
  await writeFile(authFile, '{"auths": {"x": PLANTED-password');
  const error: unknown = await registry.resolve(app(), LINUX, { signal }).catch((thrown: unknown) => thrown);
  expect(inspect(error)).not.toContain('PLANTED');
  await rm(dir, { recursive: true });
});

test('basic authentication is answered, and wrong credentials are denied', async () => {
  await using registry = openTestRegistry();
  const header = basicHeader('alice', 'PLANTED-password');
  server.hook = (request, response) => {
    if (request.headers.authorization === header) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    return true;
  };
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  expect(await registry.login(server.host, PASSWORD, signal)).toEqual({ identityToken: '' });
  const wrong = { ...PASSWORD, password: 'wrong' };
  await expect(registry.login(server.host, wrong, signal)).rejects.toMatchObject({ code: 'registry-denied' });
  await expect(registry.resolve(app(), LINUX, { signal })).rejects.toMatchObject({
    code: 'registry-denied',
    message: expect.stringContaining("repository does not exist or may require 'docker login'"),
  });
});

test('a login gives the identity token that the server offers', async () => {
  await using registry = openTestRegistry();
  expect(await registry.login(server.host, PASSWORD, signal)).toEqual({ identityToken: 'PLANTED-identity' });
  const wrong = { ...PASSWORD, password: 'wrong' };
  await expect(registry.login(server.host, wrong, signal)).rejects.toMatchObject({ code: 'registry-denied' });
});

test('a mirror never sees the credentials of the call', async () => {
  await using mirror = await HostileRegistry.start();
  mirror.hook = (_request, response) => {
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${mirror.origin}/token"` }).end();
    return true;
  };
  await using registry = openTestRegistry({ mirrors: new Map([[server.host, [new URL(mirror.origin)]]]) });
  await registry.resolve(app(), LINUX, { signal, credentials: PASSWORD });
  expect(mirror.exchanges.length).toBeGreaterThan(0);
  expect(mirror.exchanges.every((each) => each.authorization === undefined)).toBe(true);
});

test('no secret is in any error, log line or span, whatever goes wrong', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line) => void lines.push(line) });
  const mirrors = new Map([[server.host, [new URL('http://127.0.0.1:9')]]]);
  await using registry = openTestRegistry({ mirrors }, { logger });
  const all: readonly RegistryCredentials[] = [
    PASSWORD,
    { type: 'identity-token', token: 'PLANTED-identity' },
    { type: 'registry-token', token: 'PLANTED-registry' },
  ];
  const hooks: readonly HostileRegistry['hook'][] = [
    server.hook,
    (request, response) => {
      if (request.url?.startsWith('/token')) response.end('{"token": "PLANTED-token');
      else response.writeHead(401, { 'www-authenticate': `Bearer realm="${server.origin}/token"` }).end();
      return true;
    },
    (request, response) => {
      if (!request.url?.startsWith('/token')) return hooks[0]?.(request, response) ?? false;
      response.socket?.end('HTTP/1.1 200 OK\r\nbroken PLANTED-token\r\n\r\n');
      return true;
    },
    (_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:9/?sig=PLANTED-token' }).end();
      return true;
    },
    (_request, response) => {
      response.writeHead(403).end();
      return true;
    },
    (request) => request.socket.destroy() !== undefined,
  ];
  const errors: unknown[] = [];
  for (const hook of hooks) {
    server.hook = hook;
    good.clear();
    for (const credentials of all) {
      const keep = (error: unknown): void => void errors.push(error);
      await registry.resolve(reference(`${server.host}/team/gone`), LINUX, { signal, credentials }).catch(keep);
      await registry.tags({ registry: server.host, repository: 'team/gone' }, { signal, credentials }).catch(keep);
      await registry.login(server.host, credentials, signal).catch(keep);
    }
  }
  expect(errors.length).toBeGreaterThan(30);
  const seen = spans
    .getFinishedSpans()
    .map(({ name, attributes, status, events }) => ({ name, attributes, status, events }));
  expect(seen.length).toBeGreaterThan(30);
  const stacks = errors.map((error) => (error instanceof Error ? `${error.stack}` : ''));
  const printed = [inspect(errors, { depth: 20, showHidden: true }), ...stacks, ...lines, JSON.stringify(seen)].join(
    '\n',
  );
  const encoded = Buffer.from('alice:PLANTED-password').toString('base64');
  for (const secret of [...SECRETS, encoded]) expect(printed).not.toContain(secret);
});
