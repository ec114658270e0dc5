import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestProduct, startGuestProduct } from '../harness/guest-product.ts';

// Machines and processes are killed while a container writes; what it was told is on the disk stays there.

const LOSSES = 20;
/** Each line is on the volume's disk before it is told. */
const APPEND =
  'n=$(wc -l < /vol/log 2>/dev/null || echo 0); while :; do n=$((n+1)); echo line $n >> /vol/log; sync; echo told $n; done';
const COUNT = 'n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done';
const SLOW = 600_000;

describe('losses', () => {
  let own: GuestProduct;
  beforeAll(async () => {
    own = await startGuestProduct({ STOWAGE_HOST_GRACE_MS: '200' });
    await own.ok('pull', 'busybox');
    await own.lab('POST', '/ha', { enabled: false });
  });
  afterAll(() => own?.close());

  const told = async (name: string): Promise<number> =>
    Number(/(\d+)\n$/.exec((await own.docker('logs', '--tail', '1', name)).stdout)?.[1] ?? '0');
  const linesOf = async (name: string): Promise<readonly string[]> =>
    (await own.docker('exec', name, 'cat', '/vol/log')).stdout.trimEnd().split('\n');
  const hostOf = async (name: string): Promise<string> => {
    const all = (await own.lab('GET', '/vms')) as readonly { readonly name: string; readonly host: string }[];
    return all.find((each) => each.name === name)?.host ?? '';
  };

  it('a machine that loses its power has every line that was told, twenty times', { timeout: SLOW }, async () => {
    await own.ok('volume', 'create', '-o', 'Capacity=64MB', 'log_vol');
    await own.ok('run', '-d', '--name', 'writer', '-v', 'log_vol:/vol', 'busybox', 'sh', '-c', APPEND);
    const second = await own.docker('run', '--rm', '-v', 'log_vol:/vol', 'busybox', 'true');
    expect([second.code, second.stderr]).toEqual([125, expect.stringContaining('in use by writer')]);
    for (let loss = 1; loss <= LOSSES; loss += 1) {
      const before = await told('writer');
      await expect.poll(() => told('writer'), { timeout: 60_000 }).toBeGreaterThan(before + 3);
      await own.lab('POST', '/vms/writer/kill');
      expect(await own.ok('wait', 'writer')).toBe('137\n');
      const last = await told('writer');
      await own.ok('start', 'writer');
      const lines = await linesOf('writer');
      expect(lines.slice(0, last), `after loss ${loss}`).toEqual(
        Array.from({ length: last }, (_, n) => `line ${n + 1}`),
      );
    }
    await own.ok('rm', '-f', 'writer');
  });

  it('a host dies, and the container runs on another with its data', { timeout: SLOW }, async () => {
    await own.ok('run', '-d', '--name', 'survivor', '-v', 'survivor_vol:/vol', 'busybox', 'sh', '-c', APPEND);
    await expect.poll(() => told('survivor')).toBeGreaterThan(3);
    const host = await hostOf('survivor');
    await own.lab('POST', `/hosts/${host}/fail`, { mode: 'crash' });
    const last = await told('survivor');
    await expect.poll(async () => (await linesOf('survivor')).length, { timeout: 90_000 }).toBeGreaterThan(last);
    expect(await hostOf('survivor')).not.toBe(host);
    const lines = await linesOf('survivor');
    expect(lines).toEqual(Array.from({ length: lines.length }, (_, n) => `line ${n + 1}`));
    await own.lab('POST', `/hosts/${host}/return`);
    await own.ok('rm', '-f', 'survivor');
  });

  it('worker, api and gateway are killed, and the container does not notice', { timeout: SLOW }, async () => {
    await own.ok('run', '-d', '--name', 'counter', 'busybox', 'sh', '-c', COUNT);
    for (const name of ['worker-1', 'worker-2', 'api', 'gateway', 'gateway']) {
      await expect.poll(() => told('counter'), { timeout: 60_000 }).toBeGreaterThan(10);
      const before = await told('counter');
      process.kill(Number((await readFile(join(own.dir, 'logs', `${name}.pid`), 'utf8')).split(/\s/)[0]), 'SIGKILL');
      await expect.poll(() => told('counter'), { timeout: 60_000 }).toBeGreaterThan(before + 50);
    }
    const numbers = (await own.ok('logs', 'counter')).trimEnd().split('\n').map(Number);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, n) => n + 1));
    expect(await own.ok('inspect', '-f', '{{.State.Status}} {{.RestartCount}}', 'counter')).toBe('running 0\n');
    await own.ok('rm', '-f', 'counter');
  });
});
