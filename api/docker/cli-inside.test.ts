import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { containerRecord } from './container-fixtures.ts';
import { type InsideRig, startInsideRig } from '../../test/harness/docker-inside.ts';

// The inside of containers, by the real CLI.

let bed: InsideRig;
let ok: InsideRig['ok'];
let refused: InsideRig['refused'];
let folder: string;

beforeAll(async () => {
  bed = await startInsideRig();
  ({ ok, refused } = bed);
  folder = await mkdtemp(join(tmpdir(), 'stowage-cli-inside-'));
}, 60_000);
afterAll(async () => {
  await bed?.close();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const script = (text: string): readonly string[] => ['sh', '-c', text];
/** Resolves when a client is at the container's output. */
const attachedTo = async (called: string): Promise<void> =>
  await expect.poll(() => bed.local.attached.filter((id) => id === containerRecord(called).name).length).toBe(1);
const ONCE = { engine: { Config: { StdinOnce: true } } } as const;

describe('exec', { timeout: 60_000 }, () => {
  test('shows both outputs and gives the exit code', async () => {
    await bed.runs('exec-1');
    expect(await bed.docker(['exec', 'exec-1', ...script('echo out; echo err >&2; exit 3')])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await ok('exec', '-e', 'A=b c', 'exec-1', ...script('echo "$A"'))).toBe('b c\n');
  });

  test('takes input to its end, megabytes of it', async () => {
    await bed.runs('exec-2');
    const text = 'a line of the input\n'.repeat(200_000);
    const ran = await bed.docker(['exec', '-i', 'exec-2', 'cat'], text);
    expect(ran.code).toBe(0);
    expect(ran.stdout === text).toBe(true);
    expect(await bed.docker(['exec', 'exec-2', 'cat'], 'not sent')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('what cannot be started says why, and gives 127', async () => {
    await bed.runs('exec-3');
    const ran = await bed.docker(['exec', 'exec-3', 'no-such-command']);
    expect(ran).toMatchObject({ code: 127, stdout: expect.stringContaining('executable file not found in $PATH') });
    expect(await refused('exec', '-d', 'exec-3', 'no-such-command')).toContain('executable file not found in $PATH');
  });

  test('a detached one runs on by itself', async () => {
    const { name } = await bed.runs('exec-4');
    expect(await ok('exec', '-d', 'exec-4', ...script('echo done > left'))).toBe('');
    await expect
      .poll(async () => await readFile(join(await bed.local.rootOf(name), 'left'), 'utf8').catch(() => ''))
      .toBe('done\n');
  });

  test('is refused where nothing runs', async () => {
    const { name } = await bed.create('exec-5');
    expect(await refused('exec', 'exec-5', 'true')).toBe(`container ${name} is not running`);
    expect(await refused('exec', 'missing', 'true')).toBe('No such container: missing');
  });

  test('one whose gateway dies does not look like a success', async () => {
    await bed.runs('exec-6');
    const running = bed.docker(['exec', 'exec-6', ...script('echo begun; exec sleep 60')]);
    await expect.poll(() => bed.local.open).toBe(1);
    bed.local.cut();
    expect((await running).code).toBe(255);
  });

  test('is among the events', async () => {
    await bed.runs('exec-7');
    const sinceS = Math.floor(Date.now() / 1_000);
    await bed.docker(['exec', 'exec-7', ...script('exit 4')]);
    const format = '{{.Action}} {{index .Actor.Attributes "exitCode"}}';
    const bounds = ['--since', `${sinceS}`, '--until', `${sinceS + 3}`];
    const events = bed.docker([
      'events',
      ...bounds,
      '-f',
      'container=exec-7',
      '-f',
      'event=exec_die',
      '--format',
      format,
    ]);
    expect((await events).stdout).toBe('exec_die 4\n');
  });
});

describe('attach', { timeout: 60_000 }, () => {
  test('before the start: all output, all input, the exit code', async () => {
    const record = await bed.create('attach-1', { spec: { openStdin: true, ...ONCE } });
    const attached = bed.docker(['start', '-ai', 'attach-1'], 'typed\n');
    await bed.playStart(record, script('echo first; cat; echo last >&2; exit 5'));
    expect(await attached).toEqual({ code: 5, stdout: 'first\ntyped\n', stderr: 'last\n' });
  });

  test('without input, of one that ends at once', async () => {
    const record = await bed.create('attach-2');
    const attached = bed.docker(['start', '-a', 'attach-2']);
    await bed.playStart(record, script('echo all there is'));
    expect(await attached).toEqual({ code: 0, stdout: 'all there is\n', stderr: '' });
  });

  test('to one that runs: from now on, and its input stays open', async () => {
    const record = await bed.create('attach-3', { spec: { openStdin: true } });
    const { over } = await bed.start(record, script('echo before; read a; echo got $a; read b; echo got $b'));
    await expect.poll(async () => await ok('logs', 'attach-3')).toBe('before\n');
    // The CLI waits for the exit although its input is over; the server has let it go by then.
    const first = bed.docker(['attach', 'attach-3'], 'one\n');
    await expect.poll(async () => await ok('logs', 'attach-3')).toBe('before\ngot one\n');
    const second = bed.docker(['attach', 'attach-3'], 'two\n');
    expect(await over).toBe(0);
    expect((await first).code).toBe(0);
    expect((await second).code).toBe(0);
    expect(await ok('logs', 'attach-3')).toBe('before\ngot one\ngot two\n');
  });

  test('without input, of one that runs: what it writes from then on', async () => {
    const record = await bed.create('attach-6', { spec: { openStdin: true } });
    await bed.start(record, script('echo before; read a; echo after; exit 2'));
    await expect.poll(async () => await ok('logs', 'attach-6')).toBe('before\n');
    const attached = bed.docker(['attach', '--no-stdin', 'attach-6']);
    await attachedTo('attach-6');
    bed.local.type(record.name, 'go\n');
    expect(await attached).toEqual({ code: 2, stdout: 'after\n', stderr: '' });
  });

  test('ends when the start fails', async () => {
    const record = await bed.create('attach-4');
    const attached = bed.docker(['start', '-a', 'attach-4']);
    const claim = await bed.bed.begin(await bed.bed.submitted('container.start'));
    const error = { kind: 'conflict', code: 'volume-in-use', message: 'volume v is in use' } as const;
    await bed.bed.store.claims.commit(claim, { end: { state: 'dead', error } });
    await bed.put(record, 'container.failed', { message: error.message });
    expect((await attached).stderr).toContain('volume v is in use');
  });

  test('a paused one is refused', async () => {
    await bed.create('attach-5', { state: 'paused' });
    expect(await refused('attach', 'attach-5')).toContain('paused');
  });
});

describe('logs', { timeout: 60_000 }, () => {
  test('are kept, also of what has ended; bounds, times and streams can be chosen', async () => {
    const record = await bed.create('logs-1');
    await (await bed.start(record, script('echo one; echo two; sleep 0.1; echo bad >&2'))).over;
    expect(await bed.docker(['logs', 'logs-1'])).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: 'bad\n' });
    const stamped = await bed.docker(['logs', '-t', 'logs-1']);
    expect(stamped.stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}Z one\n\d{4}-[^ ]+ two\n$/);
    expect(await bed.docker(['logs', '-n', '1', 'logs-1'])).toMatchObject({ stdout: '', stderr: 'bad\n' });
    expect(await bed.docker(['logs', '--since', '1m', 'logs-1'])).toMatchObject({ stdout: 'one\ntwo\n' });
    expect(await bed.docker(['logs', '--until', '1m', 'logs-1'])).toMatchObject({ stdout: '' });
    expect(await ok('logs', '-f', '--details', 'logs-1').catch(() => '')).toBe('');
  });

  test('are followed to the end of the run', async () => {
    const record = await bed.create('logs-2');
    const { over } = await bed.start(record, script('echo one; sleep 0.5; echo two'));
    expect(await ok('logs', '-f', 'logs-2')).toBe('one\ntwo\n');
    await over;
  });
});

describe('files', { timeout: 60_000 }, () => {
  test('are copied in and out', async () => {
    await bed.runs('files-1');
    const file = join(folder, 'a.txt');
    await writeFile(file, 'copied\n');
    expect((await bed.docker(['cp', file, 'files-1:/'])).code).toBe(0);
    expect(await ok('exec', 'files-1', 'cat', 'a.txt')).toBe('copied\n');
    expect((await bed.docker(['cp', 'files-1:/a.txt', join(folder, 'b.txt')])).code).toBe(0);
    expect(await readFile(join(folder, 'b.txt'), 'utf8')).toBe('copied\n');
    expect(await refused('cp', 'files-1:/nothing', folder)).toContain(
      'Could not find the file /nothing in container files-1',
    );
  });

  test('a tar that breaks off is an error', async () => {
    const { name } = await bed.runs('files-3');
    await writeFile(join(await bed.local.rootOf(name), 'big'), Buffer.alloc(200 * 1_048_576));
    const answer = await fetch(`http://${bed.rig.address}/containers/files-3/export`);
    expect(answer.status).toBe(200);
    const reader = answer.body?.getReader();
    await reader?.read();
    bed.local.cut();
    await expect(
      (async () => {
        while ((await reader?.read())?.done === false);
      })(),
    ).rejects.toThrow();
  });

  test('a hundred megabytes pass both ways in little memory', async () => {
    const { name } = await bed.runs('files-4');
    await writeFile(join(await bed.local.rootOf(name), 'big'), Buffer.alloc(100 * 1_048_576, 'x'));
    const before = process.memoryUsage.rss();
    const tar = join(folder, 'big.tar');
    expect((await bed.docker(['export', '-o', tar, 'files-4'])).code).toBe(0);
    await ok('exec', 'files-4', 'rm', 'big');
    const put = await bed.docker(['cp', 'files-4:/', folder]);
    expect(put.code).toBe(0);
    const sent = await fetch(`http://${bed.rig.address}/containers/files-4/archive?path=/`, {
      method: 'PUT',
      body: await readFile(tar),
    });
    expect(sent.status).toBe(200);
    expect(await ok('exec', 'files-4', 'stat', '-c', '%s', 'big')).toBe('104857600\n');
    expect((process.memoryUsage.rss() - before) / 1_048_576).toBeLessThan(400);
  });
});

describe('processes', { timeout: 60_000 }, () => {
  test('top, diff and stats show what the guest says', async () => {
    await bed.runs('watched');
    expect(Number(await ok('inspect', '-f', '{{.State.Pid}}', 'watched'))).toBeGreaterThan(1);
    expect(await ok('top', 'watched')).toMatch(/^UID +PID +CMD\nroot +1 +sleep 2d\n$/);
    expect(await ok('diff', 'watched')).toBe('C /etc\nA /etc/new\nD /gone\n');
    const format = '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.NetIO}} {{.BlockIO}} {{.PIDs}}';
    expect(await ok('stats', '--no-stream', '--format', format, 'watched')).toMatch(
      /^watched (49|50|51)\.\d+% 20MiB \/ 100MiB 1kB \/ 2kB 4\.1kB \/ 8\.19kB 3\n$/,
    );
    expect(await ok('stats', '--no-stream', '--no-trunc', '--format', '{{.ID}}')).toContain('\n');
  });
});

describe('attach by a web socket', { timeout: 60_000 }, () => {
  const attach = async (called: string): Promise<WebSocket> => {
    const query = 'stream=1&stdin=1&stdout=1&stderr=1';
    const socket = new WebSocket(`ws://${bed.rig.address}/v1.41/containers/${called}/attach/ws?${query}`);
    socket.binaryType = 'arraybuffer';
    await new Promise((done) => socket.addEventListener('open', done));
    await attachedTo(called);
    return socket;
  };

  test('carries input and output as they are, and ends with the process', async () => {
    const record = await bed.create('ws', { spec: { openStdin: true, ...ONCE } });
    const { over } = await bed.start(record, script('cat; true'));
    const socket = await attach('ws');
    let text = '';
    socket.addEventListener('message', ({ data }) => (text += Buffer.from(data as ArrayBuffer).toString()));
    const closed = new Promise<CloseEvent>((done) => socket.addEventListener('close', done));
    const line = 'a line\n'.repeat(20_000);
    socket.send(line);
    socket.send(Buffer.from('the last one\n'));
    await expect.poll(() => text).toBe(`${line}the last one\n`);
    bed.local.kill(record.name);
    await over;
    expect(await closed).toMatchObject({ code: 1_000 });
  });

  test('who says goodbye is gone, and the process is not', async () => {
    await bed.runs('ws-left', { spec: { openStdin: true } });
    const socket = await attach('ws-left');
    socket.close();
    await expect.poll(() => bed.local.attached).not.toContain(containerRecord('ws-left').name);
    expect(await ok('exec', 'ws-left', 'echo', 'still')).toBe('still\n');
  });

  test('is for web sockets alone, and not for pages of others', async () => {
    const url = `http://${bed.rig.address}/containers/ws-left/attach/ws`;
    expect((await fetch(url)).status).toBe(400);
    expect((await fetch(url, { headers: { origin: 'http://elsewhere.example' } })).status).toBe(403);
  });
});
