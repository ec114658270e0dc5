import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { container, type GatewayBed, type GatewayProcess, linesOf, openGatewayBed, textOf } from './rig.ts';

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

test('streams carry both ways, and end one way at a time', async () => {
  const id = container();
  bed.probe(id, { ports: [first.guestPort] });
  await bed.guests.state(id, { run: 'run-1', ms: 10_000 }, never);
  const echoes = Array.from({ length: 50 }, async (_, at) => {
    const stream = await bed.guests.open(id, { for: 'echo' }, never);
    stream.end(`to ${at}`);
    expect(await text(stream)).toContain(`to ${at}`);
  });
  await Promise.all(echoes);
});
