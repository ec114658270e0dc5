import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StowageEvent } from '../../core/events.ts';
import { startSystem, type System } from '../harness/system.ts';
import { disksOf, documentOf } from './lab-view.ts';
import { openStranger, type Stranger } from './stranger.ts';

const PODS = ['pod-ds-1', 'pod-ds-2'];

describe('volumes on a datastore cluster, whose disks Storage DRS moves and renames', () => {
  let system: System;
  let stranger: Stranger;
  beforeAll(async () => {
    system = await startSystem();
    stranger = await openStranger(system);
  });
  afterAll(async () => {
    await stranger.close();
    await system.close();
  });

  const make = async (name: string): Promise<string> => {
    const job = await system.run('volume.create', { name, options: { VolumeStore: 'pod', size: '1GiB' } });
    expect(job).toMatchObject({ state: 'succeeded' });
    return pathOf(name);
  };
  const pathOf = async (name: string): Promise<string> => (await system.volume(name))?.place?.disk?.path ?? '';
  const homeStore = async (name: string): Promise<string> => (await system.volume(name))?.place?.datastore ?? '';
  const otherThan = (path: string): string => PODS.find((name) => !path.startsWith(`[${name}]`)) ?? '';
  const move = async (path: string): Promise<string> => {
    const moved = await system.lab('POST', '/storage/move', { disk: path, datastore: otherThan(path) });
    return (moved as { readonly disk: string }).disk;
  };
  const reconcile = async (): Promise<void> => {
    expect(await system.run('reconcile.run', {})).toMatchObject({ state: 'succeeded' });
  };
  const eventsOf = async (name: string): Promise<readonly StowageEvent[]> =>
    (await system.store.events.list({ limit: 50, subject: `volume:${name}` })).items;
  const documentPath = async (name: string): Promise<string | undefined> =>
    (await documentOf(system, await homeStore(name), name)).disk?.path;

  it('vSphere chooses the datastore, of the two in the cluster', async () => {
    expect(PODS).toContain(/^\[([^\]]+)\]/.exec(await make('placed'))?.[1]);
  });

  it('moved while attached: detaching notes the new path in record and document, and removing deletes that file', async () => {
    const before = await make('roaming');
    await system.run('volume.attach', { volume: 'roaming', machine: 'lab-vm-1' });
    const moved = await move(before);
    expect(moved).not.toBe(before);
    expect(await system.run('volume.detach', { volume: 'roaming' })).toMatchObject({ state: 'succeeded' });
    expect(await pathOf('roaming')).toBe(moved);
    expect(await documentPath('roaming')).toBe(moved);
    expect((await eventsOf('roaming')).find((event) => event.type === 'volume.moved')?.data).toMatchObject({
      path: moved,
    });
    await reconcile();
    expect((await system.volume('roaming'))?.flag).toBeUndefined();
    expect(await system.run('volume.attach', { volume: 'roaming', machine: 'lab-vm-2' })).toMatchObject({
      state: 'succeeded',
    });
    await system.run('volume.detach', { volume: 'roaming' });
    expect(await system.run('volume.remove', { name: 'roaming' })).toMatchObject({ state: 'succeeded' });
    expect((await disksOf(system, '')).filter((disk) => [before, moved].includes(disk.path))).toEqual([]);
  });

  it('reconcile sees the move first: the document follows at the next detach all the same', async () => {
    const before = await make('noticed');
    await system.run('volume.attach', { volume: 'noticed', machine: 'lab-vm-1' });
    const moved = await move(before);
    await reconcile();
    expect(await system.volume('noticed')).toMatchObject({ state: 'in-use', place: { disk: { path: moved } } });
    await system.run('volume.detach', { volume: 'noticed' });
    expect(await documentPath('noticed')).toBe(moved);
    await reconcile();
    expect(await system.volume('noticed')).toMatchObject({ state: 'available', place: { disk: { path: moved } } });
    expect((await system.volume('noticed'))?.flag).toBeUndefined();
  });

  it('moved while detached: reconcile finds it by its uuid, and it can be used', async () => {
    const before = await make('drifted');
    const moved = await move(before);
    await reconcile();
    expect(await system.volume('drifted')).toMatchObject({ state: 'available', place: { disk: { path: moved } } });
    expect((await system.volume('drifted'))?.flag).toBeUndefined();
    expect((await eventsOf('drifted')).filter((event) => event.type === 'volume.moved')).toHaveLength(1);
    await reconcile();
    expect((await eventsOf('drifted')).filter((event) => event.type === 'volume.moved')).toHaveLength(1);
    expect(await system.store.records.list('stray', { limit: 10 })).toMatchObject({ items: [] });
    expect(await system.run('volume.attach', { volume: 'drifted', machine: 'lab-vm-1' })).toMatchObject({
      state: 'succeeded',
    });
    await system.run('volume.detach', { volume: 'drifted' });
    expect(await documentPath('drifted')).toBe(moved);
  });

  it('moved while detached and noticed by nobody: attaching, growing and copying it find it all the same', async () => {
    const before = await make('unseen');
    const moved = await move(before);
    expect(await system.run('volume.attach', { volume: 'unseen', machine: 'lab-vm-2' })).toMatchObject({
      state: 'succeeded',
    });
    expect(await system.volume('unseen')).toMatchObject({ state: 'in-use', place: { disk: { path: moved } } });
    expect(await system.run('volume.detach', { volume: 'unseen' })).toMatchObject({ state: 'succeeded' });
    expect(await documentPath('unseen')).toBe(moved);

    const back = await move(moved);
    expect(await system.run('volume.expand', { name: 'unseen', capacity: '2GiB' })).toMatchObject({
      state: 'succeeded',
    });
    expect((await disksOf(system, '')).find((disk) => disk.path === back)?.capacityBytes).toBe(2 * 1024 ** 3);
    expect(await system.volume('unseen')).toMatchObject({ state: 'available', place: { disk: { path: back } } });
    expect(await documentPath('unseen')).toBe(back);

    await move(back);
    expect(await system.run('volume.clone', { source: 'unseen', name: 'unseen_copy' })).toMatchObject({
      state: 'succeeded',
    });
    await reconcile();
    expect((await system.volume('unseen'))?.flag).toBeUndefined();
  });

  it('moved while attached and detached by somebody else: found in the folder of the machine', async () => {
    const before = await make('carried');
    await system.run('volume.attach', { volume: 'carried', machine: 'lab-vm-3' });
    const moved = await move(before);
    await stranger.detach('lab-vm-3', 'lab-vm-3');
    await reconcile();
    expect(await system.volume('carried')).toMatchObject({
      state: 'available',
      holders: [],
      place: { disk: { path: moved } },
    });
  });

  it('removed before anybody noticed the move: the moved file is deleted', async () => {
    const before = await make('hidden');
    const moved = await move(before);
    expect(await system.run('volume.remove', { name: 'hidden' })).toMatchObject({ state: 'succeeded' });
    expect((await disksOf(system, '')).filter((disk) => [before, moved].includes(disk.path))).toEqual([]);
  });
});
