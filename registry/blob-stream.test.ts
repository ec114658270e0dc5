import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BlobSource, Registry } from '../core/ports/registry.ts';
import { bytesOf, cut, HostileRegistry, openTestRegistry, sendBlob, sha256 } from './rig.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 251));

let server: HostileRegistry;
let registry: Registry;
let source: BlobSource;

beforeEach(async () => {
  server = await HostileRegistry.start();
  registry = openTestRegistry();
  const { digest, size } = server.addBlob(CONTENT);
  source = { registry: server.host, repository: 'team/app', digest, sizeBytes: size };
});
afterEach(async () => {
  await registry.close();
  await server[Symbol.asyncDispose]();
});

const read = (offset = 0, signal = new AbortController().signal): Promise<Buffer> =>
  bytesOf(registry.blob(source, offset, { signal }));
const ranges = (): readonly (string | undefined)[] => server.blobExchanges().map((each) => each.range);

test('a blob comes whole, and from an offset on by Range', async () => {
  expect(sha256(await read())).toBe(source.digest);
  expect(await read(299_990)).toEqual(CONTENT.subarray(299_990));
  expect(ranges()).toEqual([undefined, 'bytes=299990-']);
});

test('a transfer that is cut goes on where it was', async () => {
  let cuts = 0;
  server.hook = (request, response) => {
    cuts += 1;
    if (!request.url?.includes('/blobs/') || cuts > 4) return false;
    cut(request, response, CONTENT, 50_000);
    return true;
  };
  expect(sha256(await read())).toBe(source.digest);
  expect(ranges()[0]).toBeUndefined();
  expect(ranges().length).toBeGreaterThan(1);
  expect(
    ranges()
      .slice(1)
      .every((range) => /^bytes=[1-9]\d*-$/.test(range ?? '')),
  ).toBe(true);
});

test('a transfer that stalls is broken off and goes on by Range', async () => {
  let hasStalled = false;
  server.hook = (_request, response) => {
    if (hasStalled) return false;
    hasStalled = true;
    response.writeHead(200, { 'content-length': CONTENT.length });
    response.write(CONTENT.subarray(0, 1_000));
    return true;
  };
  expect(sha256(await read())).toBe(source.digest);
  expect(ranges()).toEqual([undefined, 'bytes=1000-']);
});

test('a server that ignores ranges is read again up to where it was', async () => {
  let requests = 0;
  server.hook = (request, response) => {
    requests += 1;
    delete request.headers.range;
    if (requests === 1) cut(request, response, CONTENT, 70_000);
    else sendBlob(request, response, CONTENT);
    return true;
  };
  expect(sha256(await read())).toBe(source.digest);
  expect(requests).toBe(2);
});

test('breaks without progress come to an end', async () => {
  server.hook = (request, response) => {
    cut(request, response, CONTENT, 0);
    return true;
  };
  await expect(read()).rejects.toMatchObject({ code: 'registry-unreachable' });
  expect(server.exchanges.length).toBeLessThan(10);
});

test('a blob of another size than the manifest says is invalid', async () => {
  server.blobs.set(source.digest, CONTENT.subarray(0, 1_000));
  await expect(read()).rejects.toMatchObject({ code: 'layer-invalid', message: expect.stringContaining('1000 bytes') });
  await expect(read(100)).rejects.toMatchObject({ code: 'layer-invalid' });
  await expect(read(2_000)).rejects.toMatchObject({ code: 'layer-invalid' });
});

test('a server that sends more than it should, or ends early without a length, is found out', async () => {
  server.hook = (_request, response) => {
    response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(Buffer.concat([CONTENT, Buffer.from('x')]));
    return true;
  };
  await expect(read()).rejects.toMatchObject({ code: 'layer-invalid', message: expect.stringContaining('more bytes') });
  server.hook = (request, response) => {
    if (request.headers.range !== undefined) response.writeHead(416).end();
    else response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(CONTENT.subarray(0, 10));
    return true;
  };
  await expect(read()).rejects.toMatchObject({ code: 'layer-invalid' });
});

test('a blob that is not there is unknown, and a server that fails is asked again', async () => {
  const missing = { ...source, digest: sha256(Buffer.from('no')) };
  const signal = new AbortController().signal;
  await expect(bytesOf(registry.blob(missing, 0, { signal }))).rejects.toMatchObject({ code: 'blob-unknown' });
  let failures = 0;
  server.hook = (_request, response) => {
    failures += 1;
    if (failures > 2) return false;
    response.writeHead(502).end();
    return true;
  };
  expect(sha256(await read())).toBe(source.digest);
});

test('whoever gives up gets an answer at once, and the transfer ends', async () => {
  const controller = new AbortController();
  const closed = Promise.withResolvers<void>();
  server.hook = (_request, response) => {
    response.once('close', () => closed.resolve());
    response.writeHead(200, { 'content-length': CONTENT.length }).write(CONTENT.subarray(0, 10));
    return true;
  };
  const reading = async (): Promise<void> => {
    for await (const chunk of registry.blob(source, 0, { signal: controller.signal })) {
      if (chunk.length > 0) controller.abort();
    }
  };
  await expect(reading()).rejects.toMatchObject({ code: 'job-cancelled' });
  await closed.promise;
});

test('storage that the registry redirects to is asked without credentials, each time anew', async () => {
  await using storage = await HostileRegistry.start();
  storage.addBlob(CONTENT);
  let cuts = 0;
  storage.hook = (request, response) => {
    cuts += 1;
    if (cuts > 1) return false;
    cut(request, response, CONTENT, 100);
    return true;
  };
  server.hook = (request, response) => {
    response.writeHead(307, { location: `${storage.origin}/blobs/${source.digest}` }).end();
    return request.url !== undefined;
  };
  const credentials = { type: 'registry-token', token: 'SECRET' } as const;
  const signal = new AbortController().signal;
  expect(sha256(await bytesOf(registry.blob(source, 0, { signal, credentials })))).toBe(source.digest);
  expect(storage.exchanges.map((each) => each.authorization)).toEqual([undefined, undefined]);
  expect(server.exchanges.map((each) => each.authorization)).toEqual(['Bearer SECRET', 'Bearer SECRET']);
});
