import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ListenAddress } from '../platform/listen.ts';
import { createLogger } from '../platform/log.ts';
import { startChild } from './child.ts';
import { waitUntilReady } from './ready.ts';

const REFUSED = '{"detail":"Login: InvalidLogin"}';

let server: Server;
let listen: ListenAddress;
beforeEach(async () => {
  server = createServer((_request, response) => response.writeHead(503).end(REFUSED)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  listen = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('who waits long for a service is told once what it lacks', async () => {
  const told: string[] = [];
  const givenUp = new AbortController();
  const tell = (answer: string): void => {
    told.push(answer);
    setImmediate(() => givenUp.abort(new Error('enough')));
  };
  const waiting = waitUntilReady(listen, givenUp.signal, { afterMs: 0, tell });
  await expect(waiting).rejects.toThrow(`enough; http://127.0.0.1:${listen.port}/readyz says: 503 ${REFUSED}`);
  expect(told).toEqual([`503 ${REFUSED}`]);
});

test('a service that does not become ready fails its start with what it lacked', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'stowage-ready-'));
  const starting = startChild({
    name: 'api',
    command: 'sleep',
    args: ['1000'],
    cwd: dir,
    env: process.env,
    logger: createLogger({ name: 'test', level: 'silent' }),
    pidFile: join(dir, 'api.pid'),
    logFile: join(dir, 'api.log'),
    isRestarted: false,
    readyDeadlineMs: 500,
    ready: (_pid, signal) => waitUntilReady(listen, signal, { afterMs: 60_000, tell: () => undefined }),
  });
  await expect(starting).rejects.toThrow(/api was not ready after 500 ms; .* says: 503 .*InvalidLogin/);
  rmSync(dir, { recursive: true, force: true });
});
