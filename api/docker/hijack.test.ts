import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type InsideRig, startInsideRig } from '../../test/harness/docker-inside.ts';

// Connections byte by byte.

let bed: InsideRig;
const sockets: Socket[] = [];

beforeAll(async () => {
  bed = await startInsideRig();
}, 60_000);
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await bed?.close();
});

interface Line {
  readonly socket: Socket;
  /** All that came so far. */
  readonly got: () => string;
  /** Resolves with all of it when the server has ended its side. */
  readonly ended: Promise<string>;
}

async function dial(text: string): Promise<Line> {
  const [host = '', port] = bed.rig.address.split(':');
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  sockets.push(socket);
  await once(socket, 'connect');
  let got = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')));
  socket.write(text);
  return { socket, got: () => got, ended: once(socket, 'end').then(() => got) };
}

const post = (path: string, headers: readonly string[] = [], body = ''): string =>
  [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');
const UPGRADE = ['Connection: Upgrade', 'Upgrade: tcp'];
const script = (text: string): readonly string[] => ['sh', '-c', text];
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

async function execOf(called: string, body: object): Promise<string> {
  const answer = await fetch(`http://${bed.rig.address}/containers/${called}/exec`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ AttachStdout: true, AttachStderr: true, ...body }),
  });
  const { Id } = (await answer.json()) as { readonly Id: string };
  return Id;
}

async function inspectExec(id: string): Promise<Record<string, unknown>> {
  return (await (await fetch(`http://${bed.rig.address}/exec/${id}/json`)).json()) as Record<string, unknown>;
}

describe('a hijacked connection', { timeout: 30_000 }, () => {
  test('begins with 101, frames what is no terminal, and goes on after the client ended its side', async () => {
    const record = await bed.create('raw-1');
    await bed.start(record, script('sleep 0.3; printf out'));
    const line = await dial(post('/v1.50/containers/raw-1/attach?stream=1&stdout=1', UPGRADE));
    line.socket.end();
    expect(await line.ended).toBe(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n' +
        '\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0003out',
    );
  });

  test('that did not ask for an upgrade has the same bytes after a 200, not chunked', async () => {
    const record = await bed.create('raw-2', { spec: { tty: true } });
    await bed.start(record, script('sleep 0.3; printf out'));
    const answer = await (await dial(post('/v1.50/containers/raw-2/attach?stream=1&stdout=1'))).ended;
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('content-type: application/vnd.docker.raw-stream\r\n');
    expect(answer.toLowerCase()).not.toContain('transfer-encoding');
    expect(bodyOf(answer)).toBe('out');
  });

  test('has the body of its request first, however it is cut, and then the input', async () => {
    await bed.runs('raw-3');
    const id = await execOf('raw-3', { Cmd: ['cat'], AttachStdin: true });
    const whole = post(`/v1.41/exec/${id}/start`, [...UPGRADE, 'Content-Type: application/json'], '{"Tty":true}');
    const line = await dial(whole.slice(0, -5));
    await sleep(50);
    line.socket.write(`${whole.slice(-5)}typed`);
    await expect.poll(line.got).toContain('typed');
    line.socket.end(' more');
    const answer = await line.ended;
    expect(answer).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
    // The exec has no terminal: the start's Tty decides only over the frames.
    expect(bodyOf(answer)).toBe('typed more');
    expect(await inspectExec(id)).toMatchObject({ Running: false, ExitCode: 0, CanRemove: true });
    const again = await dial(post(`/exec/${id}/start`, UPGRADE));
    expect(await again.ended).toMatch(/^HTTP\/1\.1 409 Conflict\r\n[^]*has already run"}\n$/);
  });

  test('is left at the detach keys of a terminal; the command runs on', async () => {
    await bed.runs('raw-4');
    const id = await execOf('raw-4', { Cmd: script('read a; echo $a > a'), AttachStdin: true, Tty: true });
    const line = await dial(post(`/exec/${id}/start`, [...UPGRADE, 'Content-Type: application/json'], '{"Tty":true}'));
    line.socket.write('abc\u0010\u0011def');
    expect(bodyOf(await line.ended)).toBe('');
    expect(await inspectExec(id)).toMatchObject({ Running: true, ExitCode: null });
  });

  test('of a container is left at its detach keys', async () => {
    const record = await bed.create('raw-5', { spec: { tty: true, openStdin: true } });
    await bed.start(record, ['cat']);
    const line = await dial(post('/containers/raw-5/attach?stream=1&stdin=1&stdout=1&detachKeys=x,y', UPGRADE));
    line.socket.write('abx');
    await expect.poll(line.got).toContain('\r\n\r\nab');
    line.socket.write('yz');
    expect(bodyOf(await line.ended)).toBe('ab');
    expect(bed.local.attached).not.toContain(record.name);
  });

  test('ends when a container that never started is removed', async () => {
    const record = await bed.create('raw-6');
    const line = await dial(post('/containers/raw-6/attach?stream=1&stdout=1&stderr=1', UPGRADE));
    await expect.poll(line.got).toContain('101 UPGRADED');
    line.socket.end();
    await bed.put({ ...record, state: 'removing' }, 'container.removed');
    expect(bodyOf(await line.ended)).toBe('');
  });

  test('that is reset frees everything', async () => {
    const record = await bed.create('raw-7', { spec: { openStdin: true } });
    await bed.start(record, ['sleep', '60']);
    const line = await dial(post('/containers/raw-7/attach?stream=1&stdin=1&stdout=1', UPGRADE));
    await expect.poll(() => bed.local.attached).toContain(record.name);
    await expect.poll(() => bed.local.open).toBeGreaterThan(0);
    line.socket.resetAndDestroy();
    await expect.poll(() => bed.local.attached).not.toContain(record.name);
  });

  test('is refused with the usual words', async () => {
    expect(await (await dial(post('/containers/none/attach?stream=1', UPGRADE))).ended).toMatch(
      /^HTTP\/1\.1 404 Not Found\r\n[^]*\{"message":"No such container: none"\}\n$/,
    );
    expect(
      await (await dial(post('/v1.99/containers/none/attach?stream=1', ['Connection: close, Upgrade', 'Upgrade: tcp'])))
        .ended,
    ).toContain('too new');
  });

  test('other requests to upgrade are answered as if they had not asked', async () => {
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'];
    const line = await dial(`GET /_ping HTTP/1.1\r\nHost: localhost\r\n${h2c.join('\r\n')}\r\n\r\n`);
    await expect.poll(line.got).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*OK$/);
    line.socket.write(post('/volumes/prune', UPGRADE));
    await expect.poll(line.got).toContain('VolumesDeleted');
  });
});
