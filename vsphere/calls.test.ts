import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { done, openTestBed, soon, type TestBed, testFence } from '../test/harness/data-centre.ts';

// How many calls things take: on a real vCenter each has its price, for everybody who uses it.

let bed: TestBed;
beforeAll(async () => {
  bed = await openTestBed('lab');
});
afterAll(() => bed.close());
beforeEach(() => bed.control('DELETE', '/calls'));

async function calls(method: string): Promise<number> {
  const { byMethod } = (await bed.control('GET', '/calls')) as { readonly byMethod: Readonly<Record<string, number>> };
  return byMethod[method] ?? 0;
}

test('machines are looked through in one view, made again in a new session', async () => {
  const look = () => bed.dc.machines.findByDisk({ paths: [bed.path('none.vmdk')] }, soon());
  await look();
  await look();
  expect(await calls('CreateContainerView')).toBe(1);
  expect(await calls('RetrievePropertiesEx')).toBe(2);
  await bed.control('POST', '/sessions/drop');
  await look();
  expect(await calls('CreateContainerView')).toBe(2);
});

test('while the inventory is watched, a Task is one change of the list and one or two polls', async () => {
  const ended = new AbortController();
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  const watch = bed.dc.inventory.watch(() => resolve(), ended.signal);
  await whole;
  const path = bed.path('few-calls.vmdk');
  const created = () => bed.dc.disks.create({ path, capacityBytes: 2 ** 20, format: 'thin' }, testFence());
  await done(bed, created());
  await bed.control('DELETE', '/calls');
  for (let round = 0; round < 5; round += 1) {
    await done(bed, bed.dc.disks.remove(path, testFence()));
    await done(bed, created());
  }
  expect(await calls('ModifyListView')).toBeLessThanOrEqual(11);
  expect(await calls('WaitForUpdatesEx')).toBeLessThanOrEqual(25);
  ended.abort();
  await watch;
});
