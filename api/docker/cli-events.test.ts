import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewEvent } from '../../core/events.ts';
import { volumeRecord } from '../../test/harness/store-bed.ts';
import { digestOf } from '../../jobs/image/fixtures.ts';
import { type DockerRig, serveDocker, startStoreRig, type StoreRig } from './rig.ts';

let bed: StoreRig;
let rig: DockerRig;
const image = digestOf('image');
const EVENTS: readonly NewEvent[] = [
  { type: 'volume.created', subject: 'volume:one', data: { store: 'default' } },
  {
    type: 'volume.attached',
    subject: 'volume:one',
    data: { machine: 'VirtualMachine:vm-1', machineName: 'web', access: 'read-write' },
  },
  { type: 'volume.detached', subject: 'volume:one', data: { machineName: 'web' } },
  { type: 'job.succeeded', subject: 'job:x', data: {} },
  { type: 'image.pulled', subject: `image:${image}`, data: { names: ['docker.io/library/busybox:latest'] } },
  { type: 'image.tagged', subject: `image:${image}`, data: { name: 'docker.io/library/app:1' } },
  { type: 'image.removed', subject: `image:${image}`, data: {} },
  { type: 'volume.removed', subject: 'volume:one', data: {} },
];

beforeAll(async () => {
  bed = await startStoreRig();
  rig = await serveDocker({ submit: bed.submit, ...bed.store });
  await emit(EVENTS, 'first');
}, 60_000);

afterAll(async () => {
  await rig?.close();
  await bed?.close();
});

/** Events come with records: that of a volume of this name. */
async function emit(events: readonly NewEvent[], name: string): Promise<void> {
  await bed.store.records.observe([{ op: 'put', record: volumeRecord(name), expectedRev: 0 }], events);
}

describe('events by the CLI', { timeout: 120_000 }, () => {
  const past = async (...args: string[]): Promise<readonly string[]> => {
    const format = '{{.Type}} {{.Action}} {{.Actor.ID}}';
    // The CLI knows whole seconds only: the end of this one.
    const until = String(Math.floor(Date.now() / 1_000) + 1);
    const shown = await rig.docker(['events', '--since', '10m', '--until', until, '--format', format, ...args]);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    return shown.stdout.split('\n').filter((line) => line !== '');
  };

  test('tell of volumes and images, in order, and end at their time', async () => {
    expect(await past()).toEqual([
      'volume create one',
      'volume mount one',
      'volume unmount one',
      'image pull busybox:latest',
      `image tag ${image}`,
      `image delete ${image}`,
      'volume destroy one',
    ]);
  });

  test('are filtered', async () => {
    expect(await past('-f', 'type=image', '-f', 'event=pull')).toEqual(['image pull busybox:latest']);
    expect(await past('-f', 'volume=one', '-f', 'event=create')).toEqual(['volume create one']);
    expect(await past('-f', 'image=busybox')).toEqual(['image pull busybox:latest']);
    expect(await past('-f', 'container=web')).toEqual([]);
    const bad = await rig.docker(['events', '--until', '0s', '-f', 'nope=1']);
    expect(bad.stderr).toContain("Invalid filter 'nope'");
  });

  test('have the attributes of dockerd, and its old members for images', async () => {
    const answer = await fetch(`http://${rig.address}/events?since=1&until=${Date.now() / 1_000}`);
    const lines = (await answer.text()).trim().split('\r\n');
    const events = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    expect(events[1]).toMatchObject({
      Type: 'volume',
      Action: 'mount',
      Actor: { ID: 'one', Attributes: { driver: 'vsphere', machine: 'web', 'read/write': 'true' } },
      scope: 'local',
      time: expect.any(Number),
      timeNano: expect.any(Number),
    });
    expect(events[3]).toMatchObject({ status: 'pull', id: 'busybox:latest' });
  });

  test('come as they happen, until the client goes; the header comes at once', async () => {
    const env = { PATH: process.env['PATH'], DOCKER_HOST: `tcp://${rig.address}` };
    const child = spawn('docker', ['events', '--format', '{{.Action}} {{.Actor.ID}}'], { env });
    const exited = once(child, 'exit');
    const seen = new Promise<string>((resolve) => {
      let text = '';
      child.stdout.on('data', (data: Buffer) => {
        text += data.toString();
        if (text.includes('\n')) resolve(text);
      });
    });
    // The server logs a request only at its end: what shows that the stream is open is another one that is open after it.
    const answer = await fetch(`http://${rig.address}/events`);
    const reader = answer.body?.getReader();
    const look = { isSeen: false };
    void seen.then(() => (look.isSeen = true));
    for (let turn = 0; !look.isSeen; turn += 1) {
      await emit([{ type: 'volume.created', subject: `volume:turn${turn}`, data: {} }], `turn${turn}`);
      await reader?.read();
    }
    expect(await seen).toMatch(/^create turn\d+\n/);
    child.kill('SIGKILL');
    await exited;
    await reader?.cancel();
  });

  test('end when the server stops', async () => {
    const own = await serveDocker({ submit: bed.submit, ...bed.store });
    const answer = await fetch(`http://${own.address}/events`);
    const text = answer.text();
    await own.close();
    expect(await text).toBe('');
  });
});

test('10,000 volumes are listed in the time of one', { timeout: 120_000 }, async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `many-${String(index).padStart(5, '0')}x`);
  for (let from = 0; from < names.length; from += 500) {
    const changes = names
      .slice(from, from + 500)
      .map((name) => ({ op: 'put' as const, record: volumeRecord(name), expectedRev: 0 }));
    expect(await bed.store.records.observe(changes, [])).toBe('done');
  }
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const startMs = performance.now();
    const answer = await fetch(`http://${rig.address}/volumes?filters=${encodeURIComponent('{"name":["many-"]}')}`);
    const { Volumes: volumes } = (await answer.json()) as { readonly Volumes: readonly unknown[] };
    times.push(performance.now() - startMs);
    expect(volumes).toHaveLength(10_000);
  }
  // The goal is 300 ms on a machine of its own; a busy one must not fail for it.
  expect(Math.min(...times)).toBeLessThan(1_500);
  expect((await rig.docker(['volume', 'ls', '-q', '-f', 'name=many-0999'])).stdout.trim().split('\n')).toHaveLength(10);
});
