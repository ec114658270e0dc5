import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { type MachineBed, openMachineBed } from '../harness/machines.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

// The folder and the pool of containers' machines, clusters and networks, on both simulators.

describe.each(['lab', 'stock'] as const)('the estate on the %s vCenter', (program) => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();
  const isLab = program === 'lab';

  beforeAll(async () => {
    bed = await openTestBed(program);
    own = await openMachineBed(bed, 'own');
  });
  afterAll(() => bed.close());

  const names = () => ({ folder: 'Rooms', pool: 'Rooms', cluster: isLab ? 'lab-cluster' : 'DC0_C0' });

  test('it is made once, however many want it, and found after that', async () => {
    expect(await bed.dc.estates.find(names(), soon())).toBeUndefined();
    const made = await Promise.all([1, 2, 3].map(() => bed.dc.estates.ensure(names(), fence)));
    for (const each of made) expect(each).toEqual(made[0]);
    expect(await bed.dc.estates.find(names(), soon())).toEqual(made[0]);
    expect(made[0]?.folder).toMatch(/^Folder:/);
    expect(made[0]?.pool).toMatch(/^ResourcePool:/);
  });

  test('an unknown cluster is not found', async () => {
    const ensured = bed.dc.estates.ensure({ ...names(), cluster: 'nowhere' }, fence);
    expect(await failure(ensured)).toMatchObject({ code: 'vcenter-not-found' });
  });

  test('clusters tell their hosts and whether DRS and HA are on, networks their names', async () => {
    const clusters = await bed.dc.estates.clusters(soon());
    const cluster = clusters.find((each) => each.ref === own.estate.cluster);
    expect(cluster?.hosts).toHaveLength(3);
    expect(cluster?.drs).toBe(true);
    if (isLab) expect(cluster?.ha).toBe(true);
    const networks = await bed.dc.estates.networks(soon());
    expect(networks.map(({ name }) => name)).toContain('VM Network');
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    await expectSoundRequests(bed, annotate);
  });
});
