import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LabRedis, startRedis } from '../lab/redis.ts';

const KEY = 'key-of-the-process-test';
const dir = mkdtempSync(join(tmpdir(), 'stowage-api-'));
const children: ChildProcess[] = [];
let redis: LabRedis;
beforeAll(async () => {
  redis = await startRedis({ dir, logger: pino({ level: 'silent' }) });
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Api {
  /** The line that says where it listens; undefined when the process ended without one. */
  readonly address: string | undefined;
  readonly output: () => string;
  /** Asks it to end; resolves with its exit code. */
  stop(): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

async function startApi(env: Readonly<Record<string, string>>): Promise<Api> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: {
      PATH: process.env['PATH'],
      STOWAGE_REST_LISTEN: '127.0.0.1:0',
      STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
      STOWAGE_VOLUME_STORES: 'default=[ds1] stowage',
      REDIS_URL: redis.url,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let text = '';
  child.stderr.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const exited = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  const lines = createInterface({ input: child.stdout });
  const { promise: address, resolve } = Promise.withResolvers<string | undefined>();
  lines.on('line', (line) => {
    text += `${line}\n`;
    const found = /"address":"(http:[^"]*)"/.exec(line)?.[1];
    if (found !== undefined) resolve(found);
  });
  void exited.then(() => resolve(undefined));
  return {
    address: await address,
    output: () => text,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    exited,
  };
}

test('the process serves all kinds, and ends in order with a stream and a wait open', async () => {
  const api = await startApi({ STOWAGE_API_KEY: KEY });
  const headers = { authorization: `Bearer ${KEY}` };
  const kinds = await fetch(`${api.address}/v1/kinds`, { headers });
  expect(await kinds.text()).toContain('"kind":"volume.create"');
  expect((await fetch(`${api.address}/metrics`)).status).toBe(200);
  const stream = await fetch(`${api.address}/v1/events`, { headers: { ...headers, accept: 'text/event-stream' } });
  const waiting = fetch(`${api.address}/v1/volumes?wait=60`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"name":"demo_vol","options":{"Capacity":"10GB"}}',
  });
  const events = (stream.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let told = '';
  while (!told.includes('job.submitted')) told += (await events.read()).value ?? '';
  expect(await api.stop()).toBe(0);
  const answer = await waiting;
  expect(answer.status).toBe(202);
  expect(await answer.json()).toMatchObject({ kind: 'volume.create', state: 'waiting' });
  expect((await events.read()).done).toBe(true);
  expect(api.output()).not.toContain(KEY);
  expect(api.output()).not.toContain(redis.password);
});

test('an address that other machines reach is refused until there is a key', async () => {
  const refused = await startApi({ STOWAGE_REST_LISTEN: '0.0.0.0:0' });
  expect(refused.address).toBeUndefined();
  expect(await refused.exited).toBe(78);
  expect(refused.output()).toContain('there is no API key');

  const local = await startApi({ STOWAGE_API_KEY: KEY });
  const made = await fetch(`${local.address}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: '{"name":"first","role":"viewer"}',
  });
  expect(made.status).toBe(201);
  expect(await local.stop()).toBe(0);

  const open = await startApi({ STOWAGE_REST_LISTEN: '0.0.0.0:0' });
  const port = new URL(open.address ?? '').port;
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
  expect(await open.stop()).toBe(0);
});

test('what is not set is told at once', async () => {
  const api = await startApi({ REDIS_URL: '', STOWAGE_VOLUME_STORES: '' });
  expect(await api.exited).toBe(78);
  expect(api.output()).toContain('REDIS_URL is not set');
  expect(api.output()).toContain('STOWAGE_VOLUME_STORES is not set');
});

test('the Docker Engine API is not opened to other machines without TLS', async () => {
  const refused = await startApi({ STOWAGE_DOCKER_LISTEN: '0.0.0.0:0' });
  expect(await refused.exited).toBe(78);
  expect(refused.output()).toContain('STOWAGE_DOCKER_LISTEN is 0.0.0.0:0');
  const files = { CERT: 'none.pem', KEY: 'none.pem', CA: 'none.pem' };
  const env = Object.entries(files).map(([name, file]) => [`STOWAGE_DOCKER_${name}_FILE`, join(dir, file)]);
  const unreadable = await startApi(Object.fromEntries(env) as Readonly<Record<string, string>>);
  expect(await unreadable.exited).toBe(78);
  expect(unreadable.output()).toContain('STOWAGE_DOCKER_CERT_FILE names a file that cannot be read');
});

test('the Docker Engine API is served beside the REST API', async () => {
  const api = await startApi({ STOWAGE_API_KEY: KEY });
  const docker = /"address":"(127\.0\.0\.1:\d+)","tls":false/.exec(api.output())?.[1];
  expect((await fetch(`http://${docker}/_ping`)).headers.get('api-version')).toBe('1.50');
  expect(await api.stop()).toBe(0);
});
