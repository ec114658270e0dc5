import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { HostileRegistry, LINUX, openTestRegistry, reference } from './rig.ts';

const signal = new AbortController().signal;
let server: HostileRegistry;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'registry-tls-'));
  const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=DNS:registry.test,DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')];
  const options = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await promisify(execFile)('openssl', [...options, ...files, ...subject]);
});
afterAll(() => rm(dir, { recursive: true }));
beforeEach(async () => {
  server = await HostileRegistry.start();
  server.addImage('1.0');
});
afterEach(() => server[Symbol.asyncDispose]());

test('a registry that is not allowed is not connected to', async () => {
  await using registry = openTestRegistry({ allowed: ['*.example.com'] });
  const app = reference(`${server.host}/team/app:1.0`);
  await expect(registry.resolve(app, LINUX, { signal })).rejects.toMatchObject({ code: 'registry-not-allowed' });
  await expect(registry.login(server.host, { type: 'registry-token', token: 'x' }, signal)).rejects.toMatchObject({
    code: 'registry-not-allowed',
  });
  expect(server.exchanges).toEqual([]);
});

test('mirrors are asked in order, and those that fail passed over', async () => {
  await using broken = await HostileRegistry.start();
  broken.hook = (_request, response) => {
    response.writeHead(500).end();
    return true;
  };
  await using empty = await HostileRegistry.start();
  const dead = 'http://127.0.0.1:9';
  const urls = [dead, broken.origin, `${empty.origin}/v2/proxy`, `${server.origin}/cache`].map((url) => new URL(url));
  await using registry = openTestRegistry({ mirrors: new Map([['docker.io', urls]]) });
  const image = await registry.resolve(reference('busybox:1.0'), LINUX, { signal });
  expect(broken.exchanges[0]?.url).toBe('/v2/library/busybox/manifests/1.0');
  expect(empty.exchanges[0]?.url).toBe('/v2/proxy/library/busybox/manifests/1.0');
  expect(server.exchanges[0]?.url).toBe('/cache/v2/library/busybox/manifests/1.0');
  const [layer] = image.layers;
  if (layer === undefined) throw new TypeError('no layer');
  const source = { registry: 'docker.io', repository: 'library/busybox', ...layer.blob };
  const chunks: Uint8Array[] = [];
  for await (const chunk of registry.blob(source, 0, { signal })) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toEqual(server.blobs.get(layer.blob.digest));
});

test('what a mirror does not have is unknown when the registry itself cannot be asked', async () => {
  await using registry = openTestRegistry({ mirrors: new Map([['nowhere.invalid', [new URL(server.origin)]]]) });
  const missing = reference('nowhere.invalid/app:2.0');
  await expect(registry.resolve(missing, LINUX, { signal })).rejects.toMatchObject({ code: 'image-unknown' });
});

test('a host that nobody listens on is unreachable', async () => {
  await using registry = openTestRegistry();
  const dead = reference('127.0.0.1:9/app:1');
  await expect(registry.resolve(dead, LINUX, { signal })).rejects.toMatchObject({
    code: 'registry-unreachable',
    message: expect.stringContaining('127.0.0.1:9'),
  });
});

test('redirects without end, and from TLS to plain HTTP, are not followed', async () => {
  await using registry = openTestRegistry();
  server.hook = (request, response) => {
    response.writeHead(302, { location: request.url ?? '/' }).end();
    return true;
  };
  const app = reference(`${server.host}/team/app:1.0`);
  await expect(registry.resolve(app, LINUX, { signal })).rejects.toMatchObject({ code: 'registry-failed' });
  expect(server.exchanges).toHaveLength(6);

  const secure = await secureServer((response) => response.writeHead(302, { location: `${server.origin}/x` }).end());
  const there = reference(`127.0.0.1:${secure.port}/team/app:1.0`);
  await expect(registry.resolve(there, LINUX, { signal })).rejects.toMatchObject({
    message: expect.stringContaining('plain HTTP'),
  });
  await secure.close();
});

test('a certificate is believed with its CA in the directory, and a proxy is used to get there', async () => {
  const image = server.documents.get('1.0');
  const secure = await secureServer((response) => response.writeHead(404).end());
  const proxy = await connectProxy(secure.port);
  const certsDir = join(dir, 'certs.d');
  const environment = { HTTPS_PROXY: `http://user:PLANTED@127.0.0.1:${proxy.port}`, NO_PROXY: 'direct.test' };
  await using registry = openTestRegistry({ certsDir }, { environment });
  const app = reference('registry.test/team/app:1.0');
  await expect(registry.resolve(app, LINUX, { signal })).rejects.toMatchObject({ code: 'registry-untrusted' });
  await mkdir(join(certsDir, 'registry.test'), { recursive: true });
  await copyFile(join(dir, 'cert.pem'), join(certsDir, 'registry.test', 'ca.crt'));
  await expect(registry.resolve(app, LINUX, { signal })).rejects.toMatchObject({ code: 'image-unknown' });
  expect(proxy.asked).toContain('registry.test:443');
  expect(image).toBeDefined();
  await using careless = openTestRegistry({ insecure: ['*.test'] }, { environment });
  await expect(careless.resolve(app, LINUX, { signal })).rejects.toMatchObject({ code: 'image-unknown' });
  await secure.close();
  await proxy.close();
});

test('tags come from all pages', async () => {
  await using registry = openTestRegistry();
  server.hook = (request, response) => {
    const isFirst = !request.url?.includes('last=');
    response.writeHead(200, isFirst ? { link: '</v2/team/app/tags/list?n=1&last=a>; rel="next"' } : {});
    response.end(JSON.stringify({ tags: isFirst ? ['a'] : ['b'] }));
    return true;
  };
  expect(await registry.tags({ registry: server.host, repository: 'team/app' }, { signal })).toEqual(['a', 'b']);
});

test('a search asks /v1/search, then the catalogue, then says that it cannot', async () => {
  await using registry = openTestRegistry();
  const search = (): Promise<readonly object[]> => registry.search(server.host, 'app', { signal, limit: 5 });
  await expect(search()).rejects.toMatchObject({ code: 'operation-unsupported' });
  server.hook = (request, response) => {
    if (!request.url?.startsWith('/v2/_catalog')) return false;
    response.end(JSON.stringify({ repositories: ['team/app', 'other'] }));
    return true;
  };
  expect(await search()).toMatchObject([{ name: `${server.host}/team/app`, stars: 0 }]);
  server.hook = (request, response) => {
    if (!request.url?.startsWith('/v1/search?q=app')) return false;
    response.end(JSON.stringify({ results: [{ name: 'x/app', description: 'an app', star_count: 3 }] }));
    return true;
  };
  expect(await search()).toMatchObject([{ description: 'an app', stars: 3, isOfficial: false }]);
});

interface Running {
  readonly port: number;
  close(): Promise<void>;
}

async function secureServer(
  answer: (response: { writeHead(status: number, headers?: object): { end(): unknown } }) => unknown,
): Promise<Running> {
  const [key, cert] = await Promise.all([readFile(join(dir, 'key.pem')), readFile(join(dir, 'cert.pem'))]);
  const secure = createServer({ key, cert }, (_request, response) => void answer(response));
  return running(secure);
}

async function connectProxy(targetPort: number): Promise<Running & { readonly asked: string[] }> {
  const asked: string[] = [];
  const proxy = createPlainServer().on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const upstream = connect(targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
  });
  return Object.assign(await running(proxy), { asked });
}

async function running(
  server: ReturnType<typeof createPlainServer> | ReturnType<typeof createServer>,
): Promise<Running> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await Promise.resolve();
  };
  return { port, close };
}
