import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestProduct, startGuestProduct } from '../harness/guest-product.ts';

// VIC's walk through storage, as its guide has it, in a terminal, on machines that run.

const PROMPT = /\/ # $/;
const DATE = String.raw`\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}`;

describe('the walkthrough', () => {
  let own: GuestProduct;
  beforeAll(async () => {
    own = await startGuestProduct();
    await own.ok('pull', 'busybox');
    await own.ok('pull', 'demo:0.1');
  });
  afterAll(() => own?.close());

  it('what one container writes to a volume another reads', async () => {
    await own.ok('volume', 'create', '--name', 'demo_vol');
    const first = await own.terminal('run', '-it', '--rm', '-v', 'demo_vol:/vol', 'busybox', 'sh');
    await first.until(PROMPT);
    first.write('date >> /vol/demo-state\r');
    expect(await first.until(PROMPT)).toBe('date >> /vol/demo-state\r\n/ # ');
    first.write('exit 7\r');
    expect(await first.exited).toBe(7);
    const second = await own.terminal('run', '-it', '--rm', '-v', 'demo_vol:/vol', 'busybox', 'sh');
    await second.until(PROMPT);
    second.write('date >> /vol/demo-state; cat /vol/demo-state\r');
    expect(await second.until(PROMPT)).toMatch(
      new RegExp(`^date >> /vol/demo-state; cat /vol/demo-state\r\n${DATE}\r\n${DATE}\r\n/ # $`),
    );
    second.write('\u0004');
    expect(await second.exited).toBe(0);
    expect(await own.ok('ps', '-aq')).toBe('');
  });

  it('a terminal has its size, is resized, and Ctrl-C ends what runs in it', async () => {
    const terminal = await own.terminal('run', '-it', '--rm', 'busybox', 'sh');
    await terminal.until(PROMPT);
    terminal.write('stty size\r');
    expect(await terminal.until(PROMPT)).toBe('stty size\r\n24 80\r\n/ # ');
    await terminal.resize(40, 132);
    terminal.write('sleep 1; stty size\r');
    // The shell draws its line again when the window changes, if it is still at it.
    await terminal.until(/\r\n40 132\r\n\/ # $/);
    // What is typed while the shell still edits its line is no signal.
    terminal.write('echo begun; sleep 1000\r');
    await terminal.until(/\r\nbegun\r\n/);
    terminal.write('\u0003');
    expect(await terminal.until(PROMPT)).toBe('^C\r\n/ # ');
    terminal.write('echo $?\r');
    expect(await terminal.until(PROMPT)).toBe('echo $?\r\n130\r\n/ # ');
    terminal.write('exit 130\r');
    expect(await terminal.exited).toBe(130);
  });

  it('the layer of a container stays over stop and start, and goes with the container', async () => {
    await own.ok('run', '-d', '--name', 'demo', 'demo:0.1');
    const inside = await own.terminal('exec', '-it', 'demo', 'sh');
    await inside.until(PROMPT);
    inside.write('date > /demo-state; ls /\r');
    expect(await inside.until(PROMPT)).toContain('demo-state');
    inside.write('exit\r');
    expect(await inside.exited).toBe(0);
    await own.ok('stop', '-t', '1', 'demo');
    expect(await own.ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'demo')).toBe('exited 137\n');
    await own.ok('start', 'demo');
    expect(await own.ok('exec', 'demo', 'cat', '/demo-state')).toMatch(new RegExp(`^${DATE}\n$`));
    await own.ok('rm', '-f', 'demo');
    await own.ok('run', '-d', '--name', 'demo', '--rm', 'demo:0.1');
    const ran = await own.docker('exec', 'demo', 'cat', '/demo-state');
    expect([ran.code, ran.stderr]).toEqual([1, "cat: can't open '/demo-state': No such file or directory\n"]);
    await own.ok('rm', '-f', 'demo');
  });

  it('files of a container that does not run are copied, listed and exported, and its volumes are said to be away', async () => {
    await own.ok('create', '--name', 'still', '-v', 'demo_vol:/vol', 'busybox', 'cat', '/in');
    expect((await own.docker.with({ input: '' })('cp', 'still:/etc/passwd', '-')).stdout).toContain('root:');
    await writeFile(join(own.dir, 'in'), 'from outside\n');
    await own.ok('cp', join(own.dir, 'in'), 'still:/in');
    expect((await own.ok('diff', 'still')).split('\n')).toContain('A /in');
    const volume = await own.docker('cp', 'still:/vol/demo-state', '-');
    expect([volume.code, volume.stderr]).toEqual([1, expect.stringContaining('is in its volume demo_vol')]);
    expect(await own.ok('ps', '-a', '--filter', 'name=still', '--format', '{{.Status}}')).toBe('Created\n');
    expect(await own.ok('start', '-a', 'still')).toBe('from outside\n');
    await own.ok('rm', 'still');
  });

  it('a volume is attached to a running container, mounted there, and taken away', async () => {
    await own.ok('run', '-d', '--name', 'hot', 'busybox', 'sleep', '1d');
    await own.ok('volume', 'create', '-o', 'Capacity=64MB', 'hot_vol');
    const attach = { kind: 'volume.attach', payload: { volume: 'hot_vol', machine: 'hot', path: '/hot' } };
    const attached = await own.product.call('POST', '/v1/jobs?wait=30', attach);
    expect(attached.body).toMatchObject({ state: 'succeeded', result: { mountedAt: '/hot' } });
    expect(await own.ok('exec', 'hot', 'sh', '-c', 'echo x > /hot/f && grep -c /hot /proc/mounts')).toBe('1\n');
    const detach = { kind: 'volume.detach', payload: { volume: 'hot_vol', machine: 'hot' } };
    const detached = await own.product.call('POST', '/v1/jobs?wait=30', detach);
    expect(detached.body).toMatchObject({ state: 'succeeded' });
    expect((await own.docker('exec', 'hot', 'ls', '/hot')).stdout).toBe('');
    expect(await own.ok('run', '--rm', '-v', 'hot_vol:/v', 'busybox', 'cat', '/v/f')).toBe('x\n');
    await own.ok('rm', '-f', 'hot');
  });

  it('a container that cannot be started says why, as Docker says it', async () => {
    const missing = await own.docker('run', '--rm', 'busybox', 'nosuch');
    expect(missing.code).toBe(127);
    expect(missing.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
    const denied = await own.docker('run', '--rm', 'busybox', '/etc/passwd');
    expect(denied.code).toBe(126);
    expect(denied.stderr).toContain('permission denied');
    const user = await own.docker('run', '--rm', '-u', 'nobody-there', 'busybox', 'id');
    expect(user.code).toBeGreaterThan(0);
    expect(user.stderr).toContain('unable to find user nobody-there');
    expect(await own.ok('ps', '-aq')).toBe('');
  });

  it('a read-only mount is read-only, and several readers share a volume', async () => {
    const write = await own.docker('run', '--rm', '-v', 'demo_vol:/vol:ro', 'busybox', 'touch', '/vol/x');
    expect([write.code, write.stderr]).toEqual([1, expect.stringContaining('Read-only file system')]);
    const ids = await Promise.all(
      ['one', 'two'].map((name) =>
        own.ok('run', '-d', '--name', name, '-v', 'demo_vol:/vol:ro', 'busybox', 'sleep', '1d'),
      ),
    );
    expect(ids).toHaveLength(2);
    for (const name of ['one', 'two'])
      expect(await own.ok('exec', name, 'wc', '-l', '/vol/demo-state')).toBe('2 /vol/demo-state\n');
    const third = await own.docker('run', '--rm', '-v', 'demo_vol:/vol', 'busybox', 'true');
    expect([third.code, third.stderr]).toEqual([125, expect.stringMatching(/demo_vol is in use|in use/)]);
    await own.ok('rm', '-f', 'one', 'two');
  });

  it('what the image has is copied into a new volume, and not with nocopy', async () => {
    expect(await own.ok('run', '--rm', '-v', 'etc_vol:/etc', 'busybox', 'cat', '/etc/passwd')).toContain('root:');
    expect(await own.ok('run', '--rm', '-v', 'etc_vol:/other', 'busybox', 'cat', '/other/passwd')).toContain('root:');
    expect(
      await own.ok(
        'run',
        '--rm',
        '-v',
        'bare_vol:/etc:nocopy',
        'busybox',
        'sh',
        '-c',
        'test -e /etc/passwd || echo none',
      ),
    ).toBe('none\n');
  });

  it('a port of the host that nobody named is shown, with the address, and leads to the container', async () => {
    const run = ['run', '-d', '--expose', '80', '-P', '--name', 'served', 'busybox'];
    await own.ok(...run, 'httpd', '-f', '-p', '80', '-h', '/etc');
    const [, port = ''] = /^0\.0\.0\.0:(\d+)$/.exec((await own.ok('port', 'served', '80')).trim()) ?? [];
    expect(await own.ok('ps', '--filter', 'name=served', '--format', '{{.Ports}}')).toBe(`0.0.0.0:${port}->80/tcp\n`);
    expect(await own.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'served')).toMatch(/^10\.0\.2\.\d+\n$/);
    expect(await (await fetch(`http://127.0.0.1:${port}/hostname`)).text()).toMatch(/^[0-9a-f]{12}\n$/);
    await own.ok('stop', '-t', '1', 'served');
    expect(await own.ok('ps', '-a', '--filter', 'name=served', '--format', '{{.Ports}}')).toBe('\n');
    await own.ok('rm', 'served');
  });
});
