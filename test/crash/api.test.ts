import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { resourceKey } from '../../core/ids.ts';
import { startSystem, type System } from '../harness/system.ts';
import { countTasks, disksOf, eventually } from '../system/lab-view.ts';

const KEY = 'key-of-the-crash-test';
const ROOT = resolve(import.meta.dirname, '../..');

interface Api {
  readonly child: ChildProcess;
  readonly address: string;
}

describe('the api is killed', () => {
  let system: System;
  const apis: Api[] = [];
  beforeAll(async () => {
    system = await startSystem({ workers: 1 });
  });
  afterEach(() => system.lab('POST', '/reset'));
  afterAll(async () => {
    await Promise.all(apis.map(kill));
    await system.close();
  });

  async function startApi(): Promise<Api> {
    const child = spawn(process.execPath, [resolve(ROOT, 'api/main.ts')], {
      cwd: ROOT,
      env: {
        PATH: process.env['PATH'],
        ...system.env,
        STOWAGE_REST_LISTEN: '127.0.0.1:0',
        STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
        STOWAGE_API_KEY: KEY,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    for await (const line of lines) {
      const address = /"address":"(http:[^"]*)"/.exec(line)?.[1];
      if (address === undefined) continue;
      child.stdout.resume();
      const api = { child, address };
      apis.push(api);
      return api;
    }
    throw new Error('the api ended before it listened');
  }

  async function kill({ child }: Api): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  const post = (api: Api, name: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${api.address}/v1/jobs`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${KEY}`,
        'content-type': 'application/json',
        'idempotency-key': `of-${name}`,
        ...headers,
      },
      body: JSON.stringify({ kind: 'volume.create', payload: { name, options: { Capacity: '1MiB' } } }),
    });

  const jobsOf = async (name: string): Promise<readonly { readonly id: string; readonly state: string }[]> =>
    (await system.store.jobs.list({ resource: resourceKey('volume', name) }, { limit: 10 })).items;

  const expectOneVolume = async (name: string): Promise<void> => {
    expect(await disksOf(system, `/${name}/`)).toHaveLength(1);
    expect(await countTasks(system, 'CreateVirtualDisk_Task', `/${name}/`)).toBe(1);
    expect(await system.volume(name)).toMatchObject({ state: 'available' });
  };

  it('while a caller waits for the end: the job ends, and the same key finds it', async () => {
    const api = await startApi();
    await system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 60_000 });
    const answer = post(api, 'waited', { prefer: 'wait=30' }).then(
      () => 'answered',
      () => 'cut off',
    );
    const [job] = await eventually('the job to be accepted', async () => {
      const found = await jobsOf('waited');
      return found.length > 0 && found;
    });
    await kill(api);
    expect(await answer).toBe('cut off');
    await system.lab('POST', '/reset');
    const next = await startApi();
    const again = await post(next, 'waited', { prefer: 'wait=30' });
    expect(again.ok).toBe(true);
    expect(await again.json()).toMatchObject({ id: job?.id, state: 'succeeded' });
    expect(await jobsOf('waited')).toHaveLength(1);
    await expectOneVolume('waited');
  });

  // From before the request was read until after it was answered.
  it.for([0, 2, 5, 10, 20, 40])('%i ms after a request: sent again with its key, it is one job', async (delayMs) => {
    const name = `killed.${delayMs}`;
    const api = await startApi();
    await fetch(`${api.address}/healthz`);
    const first = post(api, name).then(
      async (response) => ((await response.json()) as { readonly id: string }).id,
      () => undefined,
    );
    await sleep(delayMs);
    await kill(api);
    const told = await first.catch(() => undefined);
    const next = await startApi();
    const answer = await post(next, name, { prefer: 'wait=30' });
    const job = (await answer.json()) as { readonly id: string; readonly state: string };
    expect(job.state).toBe('succeeded');
    expect([undefined, job.id]).toContain(told);
    expect((await jobsOf(name)).map(({ id }) => id)).toEqual([job.id]);
    await expectOneVolume(name);
    await kill(next);
  });
});
