import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { container, type GatewayBed, linesOf, openGatewayBed, payloadOf, textOf } from './rig.ts';

// Gateways that die, and others in their place.

const MEGABYTE = 1_000_000;
const never = new AbortController().signal;
let bed: GatewayBed;

beforeEach(async () => {
  bed = await openGatewayBed();
});
afterEach(() => bed.close());

test('output is there once and whole, for who is attached and in the log, however often its gateway dies in the midst of it', async () => {
  const id = container();
  const bytes = 30 * MEGABYTE;
  let gateway = await bed.gateway();
  const stop = new AbortController();
  let received = 0;
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for await (const { bytes: part } of bed.guests.attach(id, 'next', stop.signal)) {
      parts.push(part);
      received += part.length;
    }
  })();
  const probe = bed.probe(id, { ports: [gateway.guestPort], bytes });
  for (const share of [0.1, 0.3, 0.5, 0.7]) {
    await expect.poll(() => received, { interval: 2 }).toBeGreaterThan(bytes * share);
    await gateway.kill();
    gateway = await bed.gateway(gateway);
  }
  probe.exit(0);
  await reading;
  expect(Buffer.concat(parts).equals(linesOf(bytes))).toBe(true);
  expect((await textOf(bed.guests.logs(id, { follow: false }, never))).equals(linesOf(bytes))).toBe(true);
});

test('another gateway that shares the directory goes on, and any of them reads the log of a guest that is off', async () => {
  const id = container();
  const one = await bed.gateway();
  const two = await bed.gateway();
  const output = textOf(bed.guests.attach(id, 'next', never));
  const probe = bed.probe(id, { ports: [one.guestPort, two.guestPort], bytes: 500_000 });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const echo = await bed.guests.open(id, { for: 'echo' }, never);
  const failed = once(echo, 'error');
  await one.kill();
  expect(await failed).toMatchObject([{ code: 'guest-unreachable' }]);
  // Waits until the guest is at the other one.
  expect(await bed.guests.call(id, 'stats', {}, never)).toMatchObject({ method: 'stats' });
  const again = await bed.guests.open(id, { for: 'echo' }, never);
  again.end('hello');
  expect(await text(again)).toContain('hello');
  probe.emit(500_000);
  probe.exit(0);
  expect((await output).equals(linesOf(MEGABYTE))).toBe(true);
  const three = await bed.gateway();
  await two.kill();
  expect((await textOf(bed.guests.logs(id, { follow: true }, never))).equals(linesOf(MEGABYTE))).toBe(true);
  expect((await textOf(bed.guests.attach(id, 'all', never))).equals(linesOf(MEGABYTE))).toBe(true);
  await bed.guests.forget(id, never);
  expect(await textOf(bed.guests.logs(id, { follow: false }, never))).toEqual(Buffer.alloc(0));
  expect(three.process.exitCode).toBeNull();
});

test('a guest that comes back to a gateway after it was at another one loses nothing', async () => {
  const id = container();
  const one = await bed.gateway();
  const two = await bed.gateway();
  const output = textOf(bed.guests.attach(id, 'next', never));
  const probe = bed.probe(id, { ports: [one.guestPort, two.guestPort], bytes: MEGABYTE });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const seen: (string | undefined)[] = [];
  for (let round = 0; round < 5; round += 1) {
    const link = (await bed.register.find(id))?.link;
    seen.push(link?.split('.')[0]);
    probe.emit(MEGABYTE);
    probe.hangUp();
    await expect.poll(async () => (await bed.register.find(id))?.link).not.toBe(link);
  }
  expect(new Set(seen).size).toBe(2);
  probe.exit(0);
  expect((await output).equals(linesOf(6 * MEGABYTE))).toBe(true);
});

test('streams go on when the line to the same gateway is cut and comes back', async () => {
  const id = container();
  const gateway = await bed.gateway();
  const probe = bed.probe(id, { ports: [gateway.guestPort], bytes: MEGABYTE });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const echo = await bed.guests.open(id, { for: 'echo' }, never);
  const back = buffer(echo);
  for (let at = 0; at < 10; at += 1) {
    echo.write(linesOf(100_000, at * 100_000));
    probe.hangUp();
    await bed.guests.call(id, 'stats', {}, never);
  }
  echo.end();
  expect(payloadOf(await back).equals(linesOf(MEGABYTE))).toBe(true);
});

test('the next run of a container is another one in the same log', async () => {
  const id = container();
  const gateway = await bed.gateway();
  const ports = [gateway.guestPort];
  for (const run of [1, 2, 3]) {
    const output = textOf(bed.guests.attach(id, 'next', never));
    const probe = bed.probe(id, { ports, boot: `boot-${run}`, run: `run-${run}`, bytes: run * 100, exit: run });
    expect((await output).toString()).toBe(linesOf(run * 100).toString());
    const state = await bed.guests.state(id, { run: `run-${run}`, ms: 10_000 }, never);
    expect(state).toMatchObject({ state: 'exited', exitCode: run });
    if (probe.process.exitCode === null) await once(probe.process, 'exit');
  }
  expect(await textOf(bed.guests.logs(id, { follow: false }, never))).toEqual(
    Buffer.concat([linesOf(100), linesOf(200), linesOf(300)]),
  );
  expect(readdirSync(join(bed.dir, 'logs', id.slice(0, 2)))).toEqual([id]);
});

test('gateways are examined each apart: one that was killed is told for as long as it is announced', async () => {
  expect(await bed.guests.gateways(never)).toEqual([]);
  const one = await bed.gateway();
  const two = await bed.gateway();
  await expect
    .poll(async () => (await bed.guests.gateways(never)).map(({ fault }) => fault))
    .toEqual([undefined, undefined]);
  await two.kill();
  const found = await bed.guests.gateways(never);
  expect(found.find(({ url }) => url.endsWith(`:${one.facePort}`))?.fault).toBeUndefined();
  expect(found.find(({ url }) => url.endsWith(`:${two.facePort}`))?.fault).toMatchObject({ code: 'guest-unreachable' });
});
