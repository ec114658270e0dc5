import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
let dead: JobId;
let done: JobId;
beforeAll(async () => {
  rig = await startRig();
  dead = await rig.submit('filter-dead');
  await rig.end(dead, { state: 'dead', error: new StowageError('store-full', 'no room on ds-7').facts });
  done = await rig.submit('filter-done');
  await rig.end(done, { state: 'succeeded', result: {} });
  await rig.submit('filter-waits');
});
afterAll(async () => {
  await rig.close();
});

async function listed(query: string): Promise<readonly unknown[]> {
  const { status, body } = await rig.call({ url: `/v1/jobs?${query}` });
  expect(status).toBe(200);
  return (body['items'] as readonly { readonly id: string }[]).map(({ id }) => id);
}

test('states are given several times or with commas', async () => {
  const both = await listed('state=dead,succeeded');
  expect(new Set(both)).toEqual(new Set([dead, done]));
  expect(await listed('state=dead&state=succeeded')).toEqual(both);
});

test('jobs are found by text, code and time', async () => {
  expect(await listed('text=ROOM%20on')).toEqual([dead]);
  expect(await listed('code=store-full')).toEqual([dead]);
  expect(await listed('text=filter-d&state=succeeded')).toEqual([done]);
  expect(await listed('since=2020-01-01T00:00:00Z&code=store-full')).toEqual([dead]);
  expect(await listed('until=2020-01-01T00:00:00%2B02:00')).toEqual([]);
  expect(await listed(`parent=${dead}`)).toEqual([]);
  expect(await listed('fingerprint=0123456789abcdef')).toEqual([]);
});

test.each([
  ['state=dead,lost', 'state'],
  ['since=yesterday', 'since'],
  ['until=2026-02-30T00:00:00Z', 'until'],
  ['text=', 'text'],
  [`text=${'x'.repeat(201)}`, 'text'],
  ['fingerprint=xyz', 'fingerprint'],
  ['parent=1', 'parent'],
])('%s is refused', async (query, parameter) => {
  const { status, body } = await rig.call({ url: `/v1/jobs?${query}` });
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'request-invalid', errors: [{ parameter }] });
});
