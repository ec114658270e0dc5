import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

/** A dead letter whose message names the parcel. */
async function die(name: string, why = 'is in use'): Promise<JobId> {
  const id = await rig.submit(name);
  const error = new StowageError('volume-in-use', `volume ${name} ${why}`).facts;
  await rig.end(id, { state: 'dead', error });
  return id;
}

const groups = async (query = '') => await rig.call({ url: `/v1/dead-letters/groups${query}` });

test('dead letters that failed for the same reason are one group, whatever they are called', async () => {
  const first = await die('group-a');
  const second = await die('group-b');
  const other = await die('group-c', 'is damaged');
  const { status, body } = await groups();
  expect(status).toBe(200);
  expect(body).toMatchObject({
    total: 2,
    items: [
      { kind: 'parcel.send', code: 'volume-in-use', count: 1, oldestJob: other, newestJob: other },
      {
        kind: 'parcel.send',
        code: 'volume-in-use',
        step: 'send',
        message: 'volume group-b is in use',
        count: 2,
        oldestJob: first,
        newestJob: second,
      },
    ],
  });
  const job = await rig.call({ url: `/v1/jobs/${first}` });
  const [, { fingerprint }] = body['items'] as [object, { readonly fingerprint: string }];
  expect(job.body).toMatchObject({ error: { fingerprint }, attempts: [{ error: { code: 'volume-in-use' } }] });
  expect(JSON.stringify(job.body['attempts'])).not.toContain('fingerprint');
});

test('a group is without those that were redriven or discarded, and gone with the last of them', async () => {
  const [one, two] = [await die('leaving-a', 'leaves'), await die('leaving-b', 'leaves')];
  await rig.call({ method: 'POST', url: `/v1/jobs/${one}/redrive` });
  expect((await groups('?limit=1')).body).toMatchObject({ items: [{ count: 1, oldestJob: two, newestJob: two }] });
  await rig.call({ method: 'POST', url: `/v1/jobs/${two}/discard`, payload: { reason: 'for the test' } });
  expect((await groups()).text).not.toContain('leaves');
});

test('groups are listed page by page, and by kind, code and time', async () => {
  const before = new Date(Date.now() + 1).toISOString();
  await expect.poll(() => Date.now()).toBeGreaterThan(Date.parse(before));
  await die('paged-a', 'is locked');
  const first = await groups('?limit=1');
  expect(first.body).toMatchObject({ items: [{ message: 'volume paged-a is locked' }] });
  const second = await groups(`?limit=200&cursor=${String(first.body['next'])}`);
  expect((first.body['total'] as number) - 1).toBe((second.body['items'] as readonly object[]).length);
  expect(second.body['next']).toBeUndefined();
  const count = async (query: string) => (await groups(query)).body['total'];
  expect(await count(`?since=${before}`)).toBe(1);
  expect(await count(`?until=${before}`)).toBe((first.body['total'] as number) - 1);
  expect(await count('?kind=parcel.send&code=volume-in-use')).toBe(first.body['total']);
  expect(await count('?kind=audit.run')).toBe(0);
  expect(await count('?code=volume-busy')).toBe(0);
  expect((await groups('?since=yesterday')).status).toBe(400);
});
