import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildGo } from '../lab/go.ts';
import { type Greeted, greet } from './greeting.ts';
import { GuestFault, Link, type LinkConfig, type RunOutcome } from './link.ts';
import type { LinkStream } from './stream.ts';

// Against the guest's own end, which is in Go: it sends back what comes on a stream.

const SECRET = 'the secret of this container';

let program: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  const root = resolve(import.meta.dirname, '..');
  program = await buildGo({
    root,
    module: 'guest',
    program: 'link/echo',
    env: process.env,
    logger: pino({ level: 'silent' }),
  });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** @param losing of each piece: how likely it is to lose a byte on the way here */
function guest(secret = SECRET, losing = 0): Duplex {
  const child = spawn(program, {
    env: { ECHO_SECRET: secret, ECHO_CONTAINER: 'c1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const line = new Duplex({
    read: () => child.stdout.resume(),
    write: (bytes: Buffer, _, done) => void child.stdin.write(bytes, done),
    destroy: (error, done) => {
      child.kill('SIGKILL');
      done(error);
    },
  });
  child.stdout.on('data', (bytes: Buffer) => {
    const at = Math.random() < losing ? Math.floor(Math.random() * bytes.length) : -1;
    const left = at < 0 ? bytes : Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    if (!line.push(left)) child.stdout.pause();
  });
  child.stdout.on('end', () => line.destroy());
  child.stdin.on('error', () => undefined);
  return line;
}

interface Connected {
  readonly link: Link;
  readonly line: Duplex;
  readonly running: Promise<RunOutcome>;
}

async function greeted(line: Duplex): Promise<Greeted> {
  const outcome = await greet(line, { secretOf: () => SECRET, deadlineMs: 60_000 });
  if (typeof outcome === 'string') throw new TypeError(outcome);
  return outcome;
}

async function connect(more: Partial<LinkConfig> = {}, line = guest()): Promise<Connected> {
  const hello = await greeted(line);
  const link = new Link({ id: 'gateway-1', monotonicMs: () => performance.now(), ...more }, hello);
  return { link, line, running: link.run(line, hello) };
}

async function roundTrip(link: Link, bytes: number): Promise<void> {
  const stream: LinkStream = link.open({ for: 'echo' });
  const sent = randomBytes(bytes);
  stream.end(sent);
  expect((await buffer(stream)).equals(sent)).toBe(true);
}

describe('the gateway and a guest', () => {
  test('streams carry both ways, many at once, and are forgotten when they are over', async () => {
    const { link, line, running } = await connect();
    await Promise.all(Array.from({ length: 8 }, () => roundTrip(link, 2_000_000)));
    await expect.poll(() => link.streams).toBe(0);
    line.destroy();
    await running;
  });

  test('nothing is lost on a line that loses bytes', async () => {
    const { link, line, running } = await connect({}, guest(SECRET, 0.02));
    await roundTrip(link, 3_000_000);
    line.destroy();
    await running;
  });

  test('messages come once, and wait for a guest that is not there', async () => {
    const heard: unknown[] = [];
    const hello = await greeted(guest());
    const config = { id: 'gateway-1', monotonicMs: () => performance.now() };
    const link = new Link({ ...config, onMessage: (stream, message) => void heard.push([stream, message]) }, hello);
    for (let at = 0; at < 50; at += 1) await link.say(0, { at });
    const line = guest();
    const running = link.run(line, await greeted(line));
    await expect.poll(() => heard.length).toBe(50);
    expect(new Set(heard.map((each) => JSON.stringify(each))).size).toBe(50);
    await expect.poll(() => link.isFlushed).toBe(true);
    line.destroy();
    await running;
  });

  test('a stream that nobody reads holds up no other', async () => {
    const { link, line, running } = await connect();
    const stuck = link.open({ for: 'nobody' });
    stuck.write(randomBytes(2_000_000));
    await roundTrip(link, 1_000_000);
    expect(stuck.readableLength).toBeLessThanOrEqual(256 * 1_024);
    line.destroy();
    await running;
  });

  test('a stream that is left goes on to its end for nobody, and is forgotten then', async () => {
    const { link, line, running } = await connect();
    const left = link.open({ for: 'echo' });
    left.write(randomBytes(1_000_000));
    await once(left, 'readable');
    left.destroy();
    await expect.poll(() => link.streams).toBe(0);
    await roundTrip(link, 1_000_000);
    line.destroy();
    await running;
  });

  test('a guest with another secret is refused', async () => {
    await expect(greeted(guest('guessed'))).rejects.toThrow('wrong-secret');
  });

  test('a guest that has started anew, or talked to another gateway, is not the one that the link knew', async () => {
    const { link, line, running } = await connect();
    await roundTrip(link, 100_000);
    line.destroy();
    expect(await running).toBe('closed');
    const hello = await greeted(guest());
    // Its numbers begin anew, and ours do not: the place that it says it is at cannot be.
    expect(link.goesOnWith(hello)).toBe(false);
    expect(link.goesOnWith({ ...hello, boot: '2' })).toBe(false);
    expect(link.goesOnWith({ ...hello, gateway: 'gateway-2' })).toBe(false);
  });

  test('what a guest does against the protocol is the end of its link and of all streams', async () => {
    const { link, running } = await connect({
      onMessage: () => {
        throw new GuestFault('it lies');
      },
    });
    const stream = link.open({ for: 'echo' });
    await expect(running).rejects.toThrow('it lies');
    await expect.poll(() => stream.errored).toBeInstanceOf(GuestFault);
    expect(() => link.open({})).toThrow('it lies');
  });
});
