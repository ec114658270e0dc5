import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import type { JsonObject } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { directoryOf, disksOf, documentOf, eventually, filesWith } from './lab-view.ts';
import { openStranger, type Stranger } from './stranger.ts';

describe('reconcile makes the records equal to what lies in vSphere', () => {
  let system: System;
  let stranger: Stranger;
  let volumes: string;
  beforeAll(async () => {
    system = await startSystem();
    stranger = await openStranger(system);
    expect(await system.run('volume.create', { name: 'first_one' })).toMatchObject({ state: 'succeeded' });
    volumes = `${await directoryOf(system, 'shared-1')}/stowage/volumes`;
  });
  afterEach(() => system.lab('POST', '/reset'));
  afterAll(async () => {
    await stranger.close();
    await system.close();
  });

  const make = async (name: string, options: Record<string, string> = {}, labels: JsonObject = {}): Promise<void> => {
    expect(await system.run('volume.create', { name, options, labels })).toMatchObject({ state: 'succeeded' });
  };
  const reconcile = async (): Promise<JsonObject> => {
    let { id, outcome } = await system.submit('reconcile.run', {}, { actor: 'test', role: 'admin' });
    // The leader's own pass, which may have looked before the test did what it did.
    while (outcome === 'joined') {
      await system.end(id);
      ({ id, outcome } = await system.submit('reconcile.run', {}, { actor: 'test', role: 'admin' }));
    }
    const job = await system.end(id);
    expect(job).toMatchObject({ state: 'succeeded' });
    return job.result ?? {};
  };
  const eventsOf = async (subject: string, type: string): Promise<readonly StowageEvent[]> =>
    (await system.store.events.list({ limit: 200, subject })).items.filter((event) => event.type === type);

  it('Redis emptied: volumes of all stores are there again, with labels and holders', async () => {
    await make('on_block', { size: '2GB' }, { team: 'blue' });
    await make('on_nfs', { VolumeStore: 'nfs' });
    await make('on_pod', { VolumeStore: 'pod' });
    await make('in_use');
    await system.run('volume.attach', { volume: 'in_use', machine: 'lab-vm-1' });
    const names = ['first_one', 'on_block', 'on_nfs', 'on_pod', 'in_use'];
    const before = await Promise.all(names.map((name) => system.volume(name)));
    const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    await redis.flushall();
    await redis.quit();
    expect(await system.volume('on_block')).toBeUndefined();
    await eventually('reconcile after Redis was emptied', async () => {
      await reconcile();
      return (await system.volume('in_use')) !== undefined;
    });
    const after = await Promise.all(names.map((name) => system.volume(name)));
    for (const [index, record] of after.entries()) {
      const { updatedAt: _, job: __, holders, ...same } = before[index] ?? { holders: [] };
      expect(record).toMatchObject(same);
      expect(record?.holders.map(({ machineName, unit }) => [machineName, unit])).toEqual(
        holders.map(({ machineName, unit }) => [machineName, unit]),
      );
    }
    expect(await system.volume('on_block')).toMatchObject({ spec: { labels: { team: 'blue' } } });
    expect(await system.volume('in_use')).toMatchObject({ state: 'in-use', holders: [{ machineName: 'lab-vm-1' }] });
    expect(await eventsOf('volume:on_pod', 'volume.adopted')).toHaveLength(1);
    expect(await disksOf(system, 'stowage/volumes')).toHaveLength(4);
    expect(await system.run('volume.detach', { volume: 'in_use' })).toMatchObject({ state: 'succeeded' });
  });

  it('attached and detached by somebody else: corrected, with events', async () => {
    await make('handed');
    await stranger.attach('handed', 'lab-vm-2');
    await reconcile();
    expect(await system.volume('handed')).toMatchObject({
      state: 'in-use',
      holders: [{ machineName: 'lab-vm-2', access: 'read-write' }],
    });
    expect((await eventsOf('volume:handed', 'volume.attached'))[0]?.data).toMatchObject({ outOfBand: true });
    await stranger.detach('handed', 'lab-vm-2');
    await reconcile();
    expect(await system.volume('handed')).toMatchObject({ state: 'available', holders: [] });
    expect((await eventsOf('volume:handed', 'volume.detached'))[0]?.data).toMatchObject({
      machineName: 'lab-vm-2',
      outOfBand: true,
    });
    const { written } = await reconcile();
    expect(written).toBe(0);
  });

  it('a missing disk is reported at the second pass, no longer when it is back, and nothing is deleted', async () => {
    await make('lost_disk');
    const home = `${volumes}/lost_disk`;
    await rename(`${home}/lost_disk.vmdk`, `${home}/aside`);
    await reconcile();
    expect(await eventsOf('volume:lost_disk', 'volume.flagged')).toEqual([]);
    expect(await system.volume('lost_disk')).toMatchObject({ state: 'available', flag: { passes: 1 } });
    await reconcile();
    expect(await system.volume('lost_disk')).toMatchObject({
      flag: { passes: 2, reason: expect.stringMatching('missing') },
    });
    await reconcile();
    expect(await eventsOf('volume:lost_disk', 'volume.flagged')).toHaveLength(1);
    expect(await filesWith(system, 'lost_disk/aside')).toHaveLength(1);
    await rename(`${home}/aside`, `${home}/lost_disk.vmdk`);
    await reconcile();
    expect((await system.volume('lost_disk'))?.flag).toBeUndefined();
    expect(await eventsOf('volume:lost_disk', 'volume.unflagged')).toHaveLength(1);
  });

  it('a directory that nobody knows is reported at the second pass, and stays', async () => {
    await mkdir(`${volumes}/whose`);
    await writeFile(`${volumes}/whose/notes.txt`, 'mine');
    const subject = 'stray:[shared-1] stowage/volumes/whose';
    expect(await reconcile()).toMatchObject({ strays: 1 });
    expect(await eventsOf(subject, 'volume.flagged')).toEqual([]);
    await reconcile();
    expect(await eventsOf(subject, 'volume.flagged')).toHaveLength(1);
    expect(await readFile(`${volumes}/whose/notes.txt`, 'utf8')).toBe('mine');
    await rm(`${volumes}/whose`, { recursive: true });
    expect(await reconcile()).toMatchObject({ strays: 0 });
    expect(await eventsOf(subject, 'volume.unflagged')).toHaveLength(1);
  });

  it('a document that cannot be read: the volume is reported, its record and disk stay', async () => {
    await make('torn_page');
    const path = `${volumes}/torn_page/volume.json`;
    const good = await readFile(path);
    await writeFile(path, '{"stowage": 1, "name"');
    await reconcile();
    await reconcile();
    expect(await system.volume('torn_page')).toMatchObject({
      state: 'available',
      flag: { passes: 2, reason: expect.stringMatching('not JSON') },
    });
    expect(await eventsOf('volume:torn_page', 'volume.flagged')).toHaveLength(1);
    expect(await disksOf(system, 'torn_page')).toHaveLength(1);
    await writeFile(path, good);
    await reconcile();
    expect((await system.volume('torn_page'))?.flag).toBeUndefined();
    expect(await reconcile()).toMatchObject({ strays: 0 });
  });

  it('what a crash left half made is finished, and what it left half removed', async () => {
    await make('half');
    const { disk: _, ...document } = await documentOf(system, 'shared-1', 'half');
    await mkdir(`${volumes}/half_made`);
    const halfMade = { ...document, name: 'half_made', state: 'creating' };
    await writeFile(`${volumes}/half_made/volume.json`, JSON.stringify(halfMade));
    const whole = await documentOf(system, 'shared-1', 'half');
    await writeFile(`${volumes}/half/volume.json`, JSON.stringify({ ...whole, state: 'deleting' }));
    expect(await reconcile()).toMatchObject({ finishing: 2 });
    await eventually('the half-made volume', async () => (await system.volume('half_made'))?.state === 'available');
    await eventually('the end of the other', async () => (await system.volume('half')) === undefined);
    expect(await documentOf(system, 'shared-1', 'half_made')).toMatchObject({ state: 'available' });
    expect(await disksOf(system, 'half_made/')).toHaveLength(1);
    expect(await filesWith(system, 'volumes/half/')).toEqual([]);
  });

  it('a store that cannot be read fails the job, and no record is touched', async () => {
    await make('unseen', { VolumeStore: 'fast' });
    const before = await system.volume('unseen');
    const fault = { method: 'SearchDatastore_Task', fault: 'InaccessibleDatastore', match: '[shared-2]', count: -1 };
    await system.lab('POST', '/faults', fault);
    const job = await system.run('reconcile.run', {});
    expect(job).toMatchObject({ state: 'dead', error: { code: 'vcenter-state', kind: 'unavailable' } });
    expect(job.attempts.length).toBeGreaterThan(1);
    expect(await system.volume('unseen')).toEqual(before);
    await system.lab('POST', '/reset');
    await reconcile();
    expect(await system.volume('unseen')).toEqual(before);
  });
});
