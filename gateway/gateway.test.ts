import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerId } from '../core/ids.ts';
import { container, type GatewayBed, KEY, linesOf, openGatewayBed, payloadOf, textOf } from './rig.ts';
import type { GatewayProcess } from '../test/harness/gateway-processes.ts';
import { faceTokenOf } from './secrets.ts';

// Through all of it: a guest, a gateway process, Redis, and the port that api and workers use.

let bed: GatewayBed;
let first: GatewayProcess;

beforeAll(async () => {
  bed = await openGatewayBed();
  first = await bed.gateway();
});
afterAll(() => bed.close());

const never = new AbortController().signal;

test('a run that lasts a moment is attached to, and its end is known', async () => {
  const id = container();
  const output = textOf(bed.guests.attach(id, 'next', never));
  bed.probe(id, { ports: [first.guestPort], bytes: 1_000, exit: 3 });
  expect(await output).toEqual(linesOf(1_000));
  const state = await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  expect(state).toMatchObject({ state: 'exited', exitCode: 3, startedAt: 'run-1' });
  // Also afterwards, as one who comes too late.
  expect(await textOf(bed.guests.attach(id, 'all', never))).toEqual(linesOf(1_000));
  expect(await textOf(bed.guests.attach(id, 'now', never))).toEqual(Buffer.alloc(0));
  expect(await textOf(bed.guests.logs(id, { follow: false, tail: 2 }, never))).toEqual(linesOf(20, 980));
});

test('calls are answered, and what the guest refuses becomes an error of the catalogue', async () => {
  const id = container();
  bed.probe(id, { ports: [first.guestPort] });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  expect(await bed.guests.call(id, 'stats', { a: 1 }, never)).toMatchObject({ method: 'stats', params: { a: 1 } });
  const codes = { 'not-found': 'guest-path-not-found', invalid: 'guest-refused', conflict: 'guest-conflict' };
  for (const [code, expected] of Object.entries({ ...codes, internal: 'guest-failed' }))
    await expect(bed.guests.call(id, 'fail', { code }, never)).rejects.toMatchObject({ code: expected });
  await expect(bed.guests.call(container(), 'stats', {}, never)).rejects.toMatchObject({ code: 'guest-unreachable' });
});

test('many streams carry both ways at once, and end one way at a time', async () => {
  const id = container();
  bed.probe(id, { ports: [first.guestPort] });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const echoes = Array.from({ length: 50 }, async (_, at) => {
    const stream = await bed.guests.open(id, { for: 'echo' }, never);
    stream.end(linesOf(200_000, at * 10));
    expect(payloadOf(await buffer(stream)).equals(linesOf(200_000, at * 10))).toBe(true);
  });
  await Promise.all(echoes);
});

test('a stream that is given up holds up nobody', async () => {
  const id = container();
  bed.probe(id, { ports: [first.guestPort] });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  for (let round = 0; round < 20; round += 1) {
    const giveUp = new AbortController();
    const flood = await bed.guests.open(id, { for: 'flood' }, round % 2 === 0 ? giveUp.signal : never);
    await once(flood, 'readable');
    if (round % 2 === 0) giveUp.abort();
    else flood.destroy();
  }
  const echo = await bed.guests.open(id, { for: 'echo' }, never);
  echo.end('still there');
  expect(payloadOf(await buffer(echo)).toString()).toBe('still there');
});

/** How much the process was let write. */
async function sentBy(id: ContainerId): Promise<number> {
  return Number((await bed.guests.call(id, 'stats', {}, never))['sent']);
}

test('who reads slowly holds the process up and loses nothing; who goes away frees it', async () => {
  const id = container();
  const bytes = 60_000_000;
  const giveUp = new AbortController();
  const slow = bed.guests.attach(id, 'next', giveUp.signal)[Symbol.asyncIterator]();
  const other = textOf(bed.guests.attach(id, 'next', never));
  const parts = [slow.next()];
  bed.probe(id, { ports: [first.guestPort], bytes }).exit(0);
  for (let read = 0; read < 20_000_000; parts.push(slow.next())) {
    const part = await parts.at(-1);
    read += part?.done === false ? part.value.bytes.length : 0;
  }
  // It comes to stand far from its end: all buffers on the way are full.
  let sent = 0;
  await expect.poll(async () => sent === (sent = await sentBy(id)), { interval: 300 }).toBe(true);
  expect(sent).toBeGreaterThanOrEqual(20_000_000);
  expect(sent).toBeLessThan(35_000_000);
  const got = (await Promise.all(parts)).flatMap((part) => (part.done === true ? [] : [part.value.bytes]));
  expect(Buffer.concat(got).equals(linesOf(Buffer.concat(got).length))).toBe(true);
  giveUp.abort();
  await expect(slow.next()).rejects.toThrow();
  expect((await other).equals(linesOf(bytes))).toBe(true);
});

test('a process that nobody reads is not held up, and only the newest of its output is kept', async () => {
  const id = container();
  const bytes = 150_000_000;
  const probe = bed.probe(id, { ports: [first.guestPort], bytes });
  probe.exit(0);
  await expect.poll(async () => (await bed.guests.state(id, undefined, never))?.state).toBe('exited');
  const kept = await textOf(bed.guests.logs(id, { follow: false }, never));
  expect(kept.length).toBeGreaterThan(48_000_000);
  expect(kept.length).toBeLessThan(68_000_000);
  expect(kept.equals(linesOf(kept.length, bytes - kept.length))).toBe(true);
});

test('who follows the log sees it until the run is over', async () => {
  const id = container();
  const probe = bed.probe(id, { ports: [first.guestPort], bytes: 1_000 });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const now = bed.guests.attach(id, 'now', never)[Symbol.asyncIterator]();
  const log = textOf(bed.guests.logs(id, { follow: true, tail: 10 }, never));
  const first10 = now.next();
  // Both have begun when something that is written comes to one of them.
  await bed.guests.call(id, 'stats', {}, never);
  probe.emit(1_000);
  await first10;
  probe.exit(0);
  expect((await log).subarray(-1_000).toString()).toBe(linesOf(1_000, 1_000).toString());
});

test('what a stream is for may be as long as a command line', async () => {
  const id = container();
  bed.probe(id, { ports: [first.guestPort] });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  for (const size of [10, 4_000, 16_300, 20_000, 131_072]) {
    const text = 'é'.repeat(size / 2);
    expect(await bed.guests.call(id, 'long', { text }, never)).toMatchObject({ params: { text } });
  }
  const stream = await bed.guests.open(id, { for: 'echo', text: 'x'.repeat(100_000) }, never);
  const came = buffer(stream);
  stream.end(Buffer.from('behind it'));
  expect(payloadOf(await came).toString()).toBe('behind it');
  await expect(bed.guests.call(id, 'long', { text: 'x'.repeat(200_000) }, never)).rejects.toMatchObject({
    code: 'request-invalid',
  });
});

test('nobody comes in with another secret, or with rubbish, and nobody is harmed by it', async () => {
  const id = container();
  const liar = bed.probe(id, { ports: [first.guestPort], secret: 'guessed', bytes: 1_000 });
  const rubbish = Array.from({ length: 5 }, async () => {
    const socket = connect(first.guestPort, '127.0.0.1');
    socket.on('error', () => undefined).resume();
    const closed = Promise.withResolvers<void>();
    socket.on('close', () => closed.resolve());
    const flood = setInterval(() => socket.write(randomBytes(500_000)), 10);
    await closed.promise;
    clearInterval(flood);
  });
  const honest = container();
  const output = textOf(bed.guests.attach(honest, 'next', never));
  bed.probe(honest, { ports: [first.guestPort], bytes: 1_000_000, exit: 0 });
  expect((await output).equals(linesOf(1_000_000))).toBe(true);
  await Promise.all(rubbish);
  expect(await bed.register.find(id)).toBeUndefined();
  liar.process.kill();
});

test('the face answers only who has the key', async () => {
  const face = `http://127.0.0.1:${first.facePort}`;
  const path = `/containers/${container()}/output`;
  expect((await fetch(`${face}${path}`)).status).toBe(401);
  expect((await fetch(`${face}${path}`, { headers: { authorization: 'Bearer guessed' } })).status).toBe(401);
  const authorization = `Bearer ${faceTokenOf(KEY)}`;
  expect((await fetch(`${face}${path}`, { headers: { authorization } })).status).toBe(200);
  expect((await fetch(`${face}${path}?tail=many`, { headers: { authorization } })).status).toBe(400);
  expect((await fetch(`${face}${path}?follow=1`, { headers: { authorization } })).status).toBe(503);
  expect((await fetch(`${face}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${face}/metrics`)).text()).toContain('stowage_guests');
});
