import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import { startSystem, type System, type WorkerProcess } from '../harness/system.ts';
import { type Receiver, startReceiver, verify } from '../harness/webhook-receiver.ts';

// The processes of the product, killed: the webhook is made through one api, jobs are submitted through others, and the worker that leads dies.

const ROOT = resolve(import.meta.dirname, '../..');
const KEY = 'key-of-the-webhook-test';
const ALLOWED = { STOWAGE_WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8', STOWAGE_WEBHOOK_ALLOW_HTTP: 'true' };

interface Api {
  readonly child: ChildProcess;
  readonly address: string;
}

describe('webhooks of a system whose processes die', () => {
  let system: System;
  let receiver: Receiver;
  const apis = new Set<Api>();
  const workers: WorkerProcess[] = [];
  beforeAll(async () => {
    receiver = await startReceiver();
    system = await startSystem({ workers: 0 });
    for (let n = 0; n < 2; n += 1) workers.push(await system.startWorker({ env: ALLOWED }));
  });
  afterAll(async () => {
    await Promise.all([...apis].map(kill));
    await system.close();
    await receiver.close();
  });

  async function startApi(): Promise<Api> {
    const child = spawn(process.execPath, [resolve(ROOT, 'api/main.ts')], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        ...system.env,
        ...ALLOWED,
        STOWAGE_REST_LISTEN: '127.0.0.1:0',
        STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
        STOWAGE_API_KEY: KEY,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /"address":"(http:[^"]*)"/.exec(line)?.[1];
      if (address === undefined) continue;
      child.stdout.resume();
      const api = { child, address };
      apis.add(api);
      return api;
    }
    throw new Error('the api ended before it listened');
  }

  async function kill(api: Api): Promise<void> {
    apis.delete(api);
    const exited = once(api.child, 'exit');
    api.child.kill('SIGKILL');
    await exited;
  }

  const post = (api: Api, path: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${api.address}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const submit = (api: Api, name: string) =>
    post(
      api,
      '/v1/jobs',
      { kind: 'volume.create', payload: { name, options: { Capacity: '1MiB' } } },
      { 'idempotency-key': `of-${name}` },
    );

  async function eventsAfter(id: string): Promise<readonly StowageEvent[]> {
    const { items } = await system.store.events.list({ limit: 1_000 });
    const at = items.findIndex((event) => event.id === id);
    return at === -1 ? items : items.slice(0, at);
  }

  /** Event ids by the `webhook-id` that they came under. */
  function received(secret: string): ReadonlyMap<string, ReadonlySet<string>> {
    const ids = new Map<string, Set<string>>();
    for (const one of receiver.received) {
      const { id } = verify(secret, one) as { readonly id: string };
      ids.set(id, (ids.get(id) ?? new Set()).add(one.id));
    }
    return ids;
  }

  it('each event arrives, under one id', async () => {
    const first = await startApi();
    const [before] = (await system.store.events.list({ limit: 1 })).items;
    const made = await post(first, '/v1/webhooks', { url: receiver.url, eventTypes: ['job.*', 'volume.*'] });
    expect(made.status).toBe(201);
    const { secret } = (await made.json()) as { readonly secret: string };
    await kill(first);

    const names = Array.from({ length: 12 }, (_, n) => `killed_${n}`);
    const second = await startApi();
    await submit(second, 'killed_0');
    const underWay = names.map((name) => submit(second, name).catch(() => undefined));
    await kill(second);
    await Promise.all(underWay);

    const third = await startApi();
    const answers = await Promise.all(names.map((name) => submit(third, name)));
    const jobs = (await Promise.all(answers.map((answer) => answer.json()))) as readonly { readonly id: string }[];
    await receiver.until(1);
    const leader = await leaderPid();
    expect(workers.map(({ pid }) => pid)).toContain(leader);
    workers.find(({ pid }) => pid === leader)?.kill('SIGKILL');
    for (const { id } of jobs)
      expect(await system.end(id as Parameters<System['end']>[0])).toMatchObject({ state: 'succeeded' });

    const isHere = async (): Promise<readonly string[]> => {
      const here = received(secret);
      const wanted = (await eventsAfter(before?.id ?? '')).filter(({ type }) => /^(job|volume)\./.test(type));
      expect(wanted.length).toBeGreaterThan(names.length * 4);
      return wanted.filter(({ id }) => !here.has(id)).map(({ type, subject }) => `${type} of ${subject}`);
    };
    await expect.poll(isHere).toEqual([]);
    const here = received(secret);
    expect([...here.values()].filter((ids) => ids.size !== 1)).toEqual([]);
    expect(new Set([...here.values()].flatMap((ids) => [...ids])).size).toBe(here.size);
  });

  async function leaderPid(): Promise<number> {
    const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    const holder = await redis.get('{stowage}:leader');
    redis.disconnect();
    return Number(holder?.split(':').at(-1));
  }
});
