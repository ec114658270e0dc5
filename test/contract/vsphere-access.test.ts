import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestBed, soon, type TestBed } from '../harness/data-centre.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

// What the account may do, on both simulators; only the lab's can be taken something.

describe.each(['lab', 'stock'] as const)('the privileges of the account on the %s vCenter', (program) => {
  let bed: TestBed;
  const isLab = program === 'lab';
  beforeAll(async () => {
    bed = await openTestBed(program);
  });
  afterAll(() => bed.close());

  const containers = () => ({
    folder: 'stowage',
    pool: 'stowage',
    cluster: isLab ? 'lab-cluster' : 'DC0_C0',
    network: 'VM Network',
  });

  test('an administrator has all of them: each is one that vSphere knows', async () => {
    const found = await bed.dc.access.examine({ datastores: [bed.datastore], containers: containers() }, soon());
    expect(found).toMatchObject({ missing: [], absent: [] });
    expect(found.user).not.toBe('');
    // Each of the list once: there is one object of each kind.
    expect(found.asked).toBeGreaterThan(30);
  });

  test('without containers only the datacenter and the datastores are asked about', async () => {
    const found = await bed.dc.access.examine({ datastores: [bed.datastore, 'nowhere'] }, soon());
    expect(found).toMatchObject({ asked: 5, missing: [], absent: ['datastore nowhere'] });
  });

  test('objects that are not there are told', async () => {
    const wanted = { ...containers(), cluster: 'nowhere', network: 'no net' };
    const found = await bed.dc.access.examine({ datastores: [], containers: wanted }, soon());
    expect(found.absent).toEqual(['network no net', 'cluster nowhere']);
  });

  test.runIf(isLab)('one that was taken away is missing, on the object that lacks it', async () => {
    await bed.control('POST', '/privileges', { privilege: 'Datastore.FileManagement' });
    const found = await bed.dc.access.examine({ datastores: [bed.datastore] }, soon());
    expect(found.missing).toEqual([
      {
        id: 'Datastore.FileManagement',
        label: 'Datastore: Low level file operations',
        on: `datastore ${bed.datastore}`,
        uses: ['volumes', 'images'],
      },
    ]);
    await bed.control('DELETE', '/privileges');
    expect((await bed.dc.access.examine({ datastores: [bed.datastore] }, soon())).missing).toEqual([]);
  });

  test.runIf(isLab)('a session that was lost is made anew, and asked about', async () => {
    await bed.control('POST', '/sessions/drop');
    const found = await bed.dc.access.examine({ datastores: [bed.datastore] }, soon());
    expect(found).toMatchObject({ asked: 5, missing: [] });
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    await expectSoundRequests(bed, annotate);
  });
});
