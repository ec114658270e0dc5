import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';
import { disksOf, documentOf, filesWith } from './lab-view.ts';

const UNDOING_MS = 200_000;

describe('creations that failed and could not be undone', { timeout: UNDOING_MS + 5_000 }, () => {
  const names = ['again_vol', 'away_vol', 'found_vol'];
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
    for (const method of ['DeleteDatastoreFile_Task', 'DeleteVirtualDisk_Task']) {
      await system.lab('POST', '/faults', { method, fault: 'InaccessibleDatastore', count: -1 });
    }
    const fault = { method: 'CreateVirtualDisk_Task', fault: 'NoPermission', as: 'task', when: 'after', count: 3 };
    await system.lab('POST', '/faults', fault);
    const ids = await Promise.all(names.map((name) => system.begin('volume.create', { name })));
    for (const id of ids) {
      expect(await system.end(id, UNDOING_MS)).toMatchObject({
        state: 'dead',
        error: { code: 'vcenter-no-permission' },
      });
    }
    await system.lab('POST', '/reset');
  }, UNDOING_MS);
  afterAll(() => system.close());

  it('the record and the document tell it, and the volume cannot be attached', async () => {
    for (const name of names) {
      expect(await system.volume(name)).toMatchObject({ state: 'failed', failure: { during: 'creating' } });
      expect(await documentOf(system, 'shared-1', name)).toMatchObject({ state: 'creating' });
    }
    expect(await system.run('volume.attach', { volume: 'again_vol', machine: 'lab-vm-1' })).toMatchObject({
      state: 'dead',
      error: { kind: 'conflict' },
    });
  });

  it('made again in another store it would lie in two: refused; in its own store it is finished', async () => {
    const elsewhere = await system.run('volume.create', { name: 'again_vol', options: { VolumeStore: 'fast' } });
    expect(elsewhere).toMatchObject({ state: 'dead', error: { kind: 'conflict' } });
    expect(elsewhere.error?.message).toContain('"default"');
    expect(await system.run('volume.create', { name: 'again_vol' })).toMatchObject({
      state: 'succeeded',
      result: { datastore: 'shared-1', created: true },
    });
    expect(await disksOf(system, 'again_vol')).toHaveLength(1);
  });

  it('removed, nothing is left of it', async () => {
    expect(await system.run('volume.remove', { name: 'away_vol' })).toMatchObject({ state: 'succeeded' });
    expect(await filesWith(system, 'away_vol')).toEqual([]);
    expect(await system.volume('away_vol')).toBeUndefined();
  });

  it('the dead letter redriven finishes it', async () => {
    const { items } = await system.store.jobs.list({ state: 'dead', kind: 'volume.create' }, { limit: 20 });
    const letter = items.find((job) => job.payload['name'] === 'found_vol');
    if (letter === undefined) throw new Error('no dead letter');
    await system.store.jobs.redrive(letter.id, 'ann');
    expect(await system.end(letter.id)).toMatchObject({ state: 'succeeded' });
    expect(await system.volume('found_vol')).toMatchObject({ state: 'available' });
    expect((await system.volume('found_vol'))?.failure).toBeUndefined();
    expect(await disksOf(system, 'found_vol')).toHaveLength(1);
  });
});
