import { createHash, randomBytes } from 'node:crypto';
import { execFile, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestProduct, startGuestProduct } from '../harness/guest-product.ts';

// What goes in and out of containers that run.

const MIB = 1_048_576;
const sh = promisify(execFile);

describe('streams of containers', () => {
  let own: GuestProduct;
  const docker = (args: readonly string[]) =>
    spawn('docker', [...args], { env: { PATH: process.env['PATH'], DOCKER_HOST: own.product.docker } });

  beforeAll(async () => {
    own = await startGuestProduct();
    await own.ok('pull', 'busybox');
    await own.ok(
      'run',
      '-d',
      '--name',
      'work',
      '--hostname',
      'works',
      '-e',
      'A=b',
      'busybox',
      'sh',
      '-c',
      'trap "echo hup" HUP; trap "echo term; exit 5" TERM; echo begun; echo amiss >&2; while :; do sleep 0.1; done',
    );
  });
  afterAll(() => own?.close());

  it('what is piped in comes out, text and binary', async () => {
    expect((await own.docker.with({ input: 'hi\n' })('run', '--rm', '-i', 'busybox', 'cat')).stdout).toBe('hi\n');
    const sent = randomBytes(3 * MIB);
    const child = docker(['run', '--rm', '-i', 'busybox', 'sha256sum']);
    child.stdin.end(sent);
    const said = await text(child.stdout);
    expect(said).toBe(`${createHash('sha256').update(sent).digest('hex')}  -\n`);
  });

  it('100 MB are copied in, come out of a container, and are copied out, intact', async () => {
    const dir = join(own.dir, 'copied');
    await mkdir(dir, { recursive: true });
    const file = join(dir, 'big');
    await writeFile(file, randomBytes(100_000_000));
    const sum = await sha256Of(createReadStream(file));
    await own.ok('run', '-d', '--name', 'store', '-v', 'big_vol:/vol', 'busybox', 'sleep', '1d');
    await own.ok('cp', file, 'store:/vol/big');
    await own.ok('cp', 'store:/vol/big', join(dir, 'back'));
    await own.ok('rm', '-f', 'store');
    expect(await sha256Of(createReadStream(join(dir, 'back')))).toBe(sum);
    expect(await sha256Of(docker(['run', '--rm', '-v', 'big_vol:/vol:ro', 'busybox', 'cat', '/vol/big']).stdout)).toBe(
      sum,
    );
  });

  it('trees and single files are copied, and what is not there is said', async () => {
    const dir = join(own.dir, 'trees');
    await mkdir(join(dir, 'tree/sub'), { recursive: true });
    await writeFile(join(dir, 'tree/sub/file'), 'in a tree');
    await own.ok('cp', join(dir, 'tree'), 'work:/tmp');
    expect(await own.ok('exec', 'work', 'cat', '/tmp/tree/sub/file')).toBe('in a tree');
    await own.ok('cp', 'work:/tmp/tree/sub/file', join(dir, 'single'));
    expect(await readFile(join(dir, 'single'), 'utf8')).toBe('in a tree');
    const none = await own.docker('cp', 'work:/nosuch', dir);
    expect([none.code, none.stderr]).toEqual([
      1,
      expect.stringMatching(/Could not find the file \/nosuch in container/),
    ]);
  });

  it('50 commands at once', async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, n) => own.docker('exec', 'work', 'sh', '-c', `echo ${n}; exit ${n}`)),
    );
    expect(all.map(({ code, stdout }) => [code, stdout])).toEqual(Array.from({ length: 50 }, (_, n) => [n, `${n}\n`]));
  });

  it('exec takes a user, a directory, an environment, input, and gives the exit code', async () => {
    expect(
      await own.ok(
        'exec',
        '-e',
        'X=y',
        '-w',
        '/tmp',
        '-u',
        '1000:1000',
        'work',
        'sh',
        '-c',
        'echo $A $X $(pwd) $(id -u):$(id -g)',
      ),
    ).toBe('b y /tmp 1000:1000\n');
    expect((await own.docker.with({ input: 'in\n' })('exec', '-i', 'work', 'cat')).stdout).toBe('in\n');
    expect((await own.docker('exec', 'work', 'sh', '-c', 'exit 9')).code).toBe(9);
    const missing = await own.docker('exec', 'work', 'nosuch');
    expect([missing.code, `${missing.stdout}${missing.stderr}`]).toEqual([
      127,
      expect.stringContaining('executable file not found'),
    ]);
    await own.ok('exec', '-d', 'work', 'sh', '-c', 'echo done > /detached');
    await expect.poll(async () => (await own.docker('exec', 'work', 'cat', '/detached')).stdout).toBe('done\n');
  });

  it('a command line may be as long as Linux takes one', async () => {
    const text = 'x'.repeat(120_000);
    expect(await own.ok('exec', 'work', 'sh', '-c', 'echo ${#1}', 'sh', text)).toBe('120000\n');
  });

  it('logs: of either descriptor, the last lines, with times, since, and as they come', async () => {
    const all = await own.docker('logs', 'work');
    expect([all.stdout, all.stderr]).toEqual(['begun\n', 'amiss\n']);
    await own.ok('kill', '-s', 'HUP', 'work');
    await expect.poll(async () => (await own.docker('logs', 'work')).stdout).toBe('begun\nhup\n');
    expect(await own.ok('logs', '--tail', '1', 'work')).toBe('hup\n');
    expect((await own.docker('logs', '-t', '--tail', '1', 'work')).stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z hup\n$/);
    const following = docker(['logs', '-f', '--tail', '0', 'work']);
    let said = '';
    following.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
    // Again and again: the first may come before the CLI follows.
    await expect
      .poll(async () => {
        await own.ok('kill', '-s', 'HUP', 'work');
        return said;
      })
      .toMatch(/^(?:hup\n)+$/);
    following.kill();
  });

  it('top, stats, diff and export show the inside', async () => {
    expect(await own.ok('top', 'work')).toMatch(/PID/);
    expect(await own.ok('top', 'work')).toContain('sleep 0.1');
    expect(await own.ok('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'work')).toMatch(
      /^work [1-9]\d*\n$/,
    );
    await own.ok('exec', 'work', 'sh', '-c', 'mkdir /made && echo x > /made/file && rm /etc/group');
    const diff = (await own.ok('diff', 'work')).split('\n');
    expect(diff).toEqual(expect.arrayContaining(['A /made', 'A /made/file', 'D /etc/group', 'C /etc']));
    await sh('sh', ['-c', `docker export work | tar -tf - > ${own.dir}/list`], {
      env: { PATH: process.env['PATH'], DOCKER_HOST: own.product.docker },
    });
    const list = await readFile(join(own.dir, 'list'), 'utf8');
    expect(list).toMatch(/^made\/file$/m);
    expect(list).not.toMatch(/^etc\/group$/m);
  });

  it('the container is called what was asked for, and knows nothing of the machine around it', async () => {
    expect(await own.ok('exec', 'work', 'hostname')).toBe('works\n');
    expect(await own.ok('exec', 'work', 'sh', '-c', 'cat /etc/hosts')).toContain('works');
    expect(await own.ok('exec', 'work', 'sh', '-c', 'ps | head -2 | tail -1')).toMatch(/^ +1 root/);
    const mount = await own.docker('exec', 'work', 'mount', '-t', 'tmpfs', 'none', '/mnt');
    expect(mount.code).not.toBe(0);
  });

  it('stop sends the signal, and the exit code is that of the process', async () => {
    await own.ok('stop', 'work');
    expect(await own.ok('inspect', '-f', '{{.State.ExitCode}}', 'work')).toBe('5\n');
    expect((await own.docker('logs', 'work')).stdout).toMatch(/term\n$/);
    expect(await own.ok('wait', 'work')).toBe('5\n');
  });
});

async function sha256Of(stream: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
