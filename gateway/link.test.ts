import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildGo } from '../lab/go.ts';
import { GuestFault, Link, type LinkConfig } from './link.ts';
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

const open = (more: Partial<LinkConfig> = {}): Link =>
  new Link({ container: 'c1', secret: SECRET, monotonicMs: () => performance.now(), ...more });

async function roundTrip(link: Link, bytes: number): Promise<void> {
  const stream: LinkStream = link.open({ for: 'echo' });
  const sent = randomBytes(bytes);
  stream.end(sent);
  expect((await buffer(stream)).equals(sent)).toBe(true);
}

describe('the gateway and a guest', () => {
  test('streams carry both ways, many at once, and are forgotten when they are over', async () => {
    const link = open();
    const line = guest();
    const running = link.run(line);
    await Promise.all(Array.from({ length: 8 }, () => roundTrip(link, 2_000_000)));
    await expect.poll(() => link.streams).toBe(0);
    line.destroy();
    await running;
  });

  test('nothing is lost on a line that loses bytes', async () => {
    const link = open();
    const line = guest(SECRET, 0.02);
    const running = link.run(line);
    await roundTrip(link, 3_000_000);
    line.destroy();
    await running;
  });

  test('messages come once and in order, and wait for a guest that is not there yet', async () => {
    const heard: unknown[] = [];
    const link = open({ onMessage: (stream, message) => void heard.push([stream, message]) });
    for (let at = 0; at < 50; at += 1) await link.say(0, { at });
    const line = guest();
    const running = link.run(line);
    await expect.poll(() => heard.length).toBe(50);
    expect(new Set(heard.map((each) => JSON.stringify(each))).size).toBe(50);
    await expect.poll(() => link.isFlushed).toBe(true);
    line.destroy();
    await running;
  });

  test('a stream that nobody reads holds up no other', async () => {
    const link = open();
    const line = guest();
    const running = link.run(line);
    const stuck = link.open({ for: 'nobody' });
    stuck.write(randomBytes(2_000_000));
    await roundTrip(link, 1_000_000);
    expect(stuck.readableLength).toBeLessThanOrEqual(256 * 1_024);
    line.destroy();
    await running;
  });

  test('a guest with another secret is refused, for good', async () => {
    const link = open();
    await expect(link.run(guest('guessed'))).rejects.toThrow(GuestFault);
    await expect(link.run(guest())).rejects.toThrow('does not know the secret');
  });

  test('a guest that has started anew is another one', async () => {
    const welcomed = Promise.withResolvers<void>();
    const link = open({ onWelcome: () => welcomed.resolve() });
    const line = guest();
    const running = link.run(line);
    await welcomed.promise;
    await roundTrip(link, 100_000);
    const [child] = children;
    child?.kill('SIGKILL');
    if (child !== undefined) await once(child, 'exit');
    await running;
    // Its numbers begin anew, and ours do not: the place that it says it is at cannot be.
    await expect(link.run(guest())).rejects.toThrow(GuestFault);
  });
});
