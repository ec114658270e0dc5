import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../test/harness/certificate.ts';
import { type Cli, stowageCli } from '../test/harness/cli.ts';

// Behind a proxy with TLS, as an API that other machines reach should be.

let cli: Cli;
let server: Server;
let url: string;
const asked: string[] = [];
beforeAll(async () => {
  cli = stowageCli({ STOWAGE_API_KEY: 'k' });
  const { key, cert } = await makeCertificate();
  writeFileSync(join(cli.home, 'ca.pem'), cert);
  server = createServer({ key, cert }, (request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.setHeader('content-type', 'application/json').end('{"items":[]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/stowage`;
});
afterAll(() => {
  server.close();
  cli.close();
});

test('a CA that is not known is refused, with what to do; no key is sent there', async () => {
  const ran = await cli('webhook', 'list', '--url', url);
  expect(ran.code).toBe(3);
  expect(ran.err).toContain('name it by --ca-file or STOWAGE_CA_FILE');
  expect(asked).toEqual([]);
});

test('with its CA it is used; a path before the routes is kept', async () => {
  const ca = join(cli.home, 'ca.pem');
  expect(await cli('webhook', 'list', '--url', url, '--ca-file', ca)).toMatchObject({ code: 0 });
  expect(await cli.with({ env: { STOWAGE_URL: `${url}/`, STOWAGE_CA_FILE: ca } })('key', 'list')).toMatchObject({
    code: 0,
  });
  expect(asked).toEqual(['/stowage/v1/webhooks Bearer k', '/stowage/v1/keys Bearer k']);
  expect(await cli('webhook', 'list', '--url', url, '--ca-file', '/nowhere')).toMatchObject({ code: 2 });
});

test('http where https is spoken, and what is not the API at all, is said so', async () => {
  expect((await cli('webhook', 'list', '--url', url.replace('https', 'http'))).code).toBeGreaterThan(0);
  expect(await cli('webhook', 'list', '--url', 'ftp://x')).toMatchObject({ code: 2 });
  const other = await cli('job', 'wait', 'x', '--url', url, '--ca-file', join(cli.home, 'ca.pem'));
  expect(other.code).toBe(1);
  expect(other.err).toMatch(/^stowage: the answer is not what was expected \(id: .*\n.*stowage version/);
});
