import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expressions, readsOf, seriesOf } from '../harness/monitoring.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { eventually } from './lab-view.ts';

// What the alert rules and the dashboard ask for is what real processes serve, by name and by label.

const ROOT = resolve(import.meta.dirname, '../..');
const KEY = 'a-key-that-the-test-presets';
/** What Prometheus adds by itself. */
const ADDED = ['instance', 'job', 'alertstate'];

describe('metrics of a system that has done some work', () => {
  let system: ImageSystem;
  const children: ChildProcess[] = [];
  let series: ReadonlyMap<string, ReadonlySet<string>>;
  let api: string;

  /** Starts a process of the product; resolves with what its log line of this shape holds. */
  async function start(program: string, says: RegExp, env: Readonly<Record<string, string>>): Promise<string> {
    const child = spawn(process.execPath, [resolve(ROOT, program)], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], ...system.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    for await (const line of createInterface({ input: child.stdout })) {
      const found = says.exec(line)?.[1];
      if (found === undefined) continue;
      child.stdout.resume();
      return found;
    }
    throw new Error(`${program} ended before it said ${says.source}`);
  }

  const read = async (url: string): Promise<string> =>
    (await fetch(url, { headers: { authorization: `Bearer ${KEY}` } })).text();

  beforeAll(async () => {
    system = await startImageSystem({
      workers: 0,
      env: { STOWAGE_WEBHOOK_ALLOW_PRIVATE: '*', STOWAGE_WEBHOOK_ALLOW_HTTP: 'true' },
    });
    const gatewayEnv = {
      STOWAGE_GATEWAY_KEY: 'a-key-of-more-than-thirty-two-characters',
      STOWAGE_GATEWAY_LISTEN: '127.0.0.1:0',
      STOWAGE_GATEWAY_FACE_LISTEN: '127.0.0.1:0',
    };
    const [face, worker, gateway] = await Promise.all([
      start('api/main.ts', /"address":"(http:[^"]*)"/, {
        STOWAGE_REST_LISTEN: '127.0.0.1:0',
        STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
        STOWAGE_API_KEY: KEY,
      }),
      start('workers/main.ts', /"port":(\d+).*"msg":"working"/, {}),
      start('gateway/main.ts', /"face":"(http:[^"]*)"/, gatewayEnv),
    ]);
    api = face;
    const workerUrl = `http://127.0.0.1:${worker}/metrics`;
    const hook = await fetch(`${api}/v1/webhooks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${api}/nobody-takes-this` }),
    });
    expect(hook.status).toBe(201);
    await system.pushSample('busybox');
    expect((await system.run('image.pull', { reference: 'busybox:latest' })).state).toBe('succeeded');
    await holdALine();
    const says = (url: string, text: string): Promise<string> =>
      eventually(text, async () => ((await read(url)).includes(text) ? text : undefined));
    await says(workerUrl, 'stowage_webhook_attempt_duration_seconds_count');
    await says(`${api}/metrics`, 'stowage_stalled_line_seconds{');
    series = seriesOf(
      (await Promise.all([read(`${api}/metrics`), read(workerUrl), read(`${gateway}/metrics`)])).join('\n'),
    );
  });

  /** A job that is tried again and again, as if for an hour, with another behind it. */
  async function holdALine(): Promise<void> {
    await system.lab('POST', '/faults', { method: 'MakeDirectory', fault: 'InaccessibleDatastore', count: -1 });
    const head = await system.begin('volume.create', { name: 'held' });
    await system.begin('volume.remove', { name: 'held' });
    await eventually('the start of the job', async () => (await system.store.jobs.read(head))?.startedAt);
    const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    await redis.hset(`{stowage}:job:${head}`, 'started', String(Date.now() - 3_600_000));
    redis.disconnect();
  }

  afterAll(async () => {
    for (const child of children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    await system.close();
  });

  it.each(expressions().map(({ where, expr }) => [where, expr] as const))('%s', (_where, expr) => {
    const { metrics, labels } = readsOf(expr);
    expect(metrics.length).toBeGreaterThan(0);
    for (const name of metrics) expect([...series.keys()], expr).toContain(name);
    const known = new Set([...ADDED, ...metrics.flatMap((name) => [...(series.get(name) ?? [])])]);
    expect(
      labels.filter((label) => !known.has(label)),
      expr,
    ).toEqual([]);
  });

  const valueOf = async (sample: string): Promise<number> => {
    const line = (await read(`${api}/metrics`)).split('\n').find((each) => each.startsWith(`${sample} `));
    return Number(line?.slice(sample.length));
  };

  it('a host that is lost shows, and so does its return', async () => {
    const connected = (): Promise<number> => valueOf('stowage_host_connected{host="esx-2.lab"}');
    expect(await connected()).toBe(1);
    await system.lab('POST', '/hosts/esx-2.lab/fail', { mode: 'crash' });
    await expect.poll(connected).toBe(0);
    await system.lab('POST', '/hosts/esx-2.lab/return');
    await expect.poll(connected).toBe(1);
  });

  it('without any worker the lead is missed, and what could run grows old', async () => {
    expect(await valueOf('stowage_leader')).toBe(1);
    for (const child of children.filter(({ spawnargs }) => spawnargs.some((arg) => arg.endsWith('workers/main.ts')))) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await expect.poll(() => valueOf('stowage_leader')).toBe(0);
    await system.begin('volume.create', { name: 'nobody_makes_it' });
    await expect.poll(() => valueOf('stowage_oldest_ready_age_seconds')).toBeGreaterThan(2);
  });
});
