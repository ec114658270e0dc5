import { open, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System } from '../harness/system.ts';
import { directoryOf, disksOf, documentOf, extentOf, filesWith, tasksOf } from './lab-view.ts';

const GIB = 1_073_741_824;
const MARKER = 'written before the copy';
const MARKER_AT = 512 * 1_024 * 1_024;

async function writeAt(path: string, text: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.from(text), 0, text.length, at);
  await file.close();
}

async function readAt(path: string, length: number, at: number): Promise<string> {
  const file = await open(path, 'r');
  const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
  await file.close();
  return buffer.toString('utf8');
}

describe('volumes that grow and volumes that are copied', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.close());

  const make = async (name: string, options: Record<string, string> = { size: '1GiB' }): Promise<void> => {
    expect(await system.run('volume.create', { name, options })).toMatchObject({ state: 'succeeded' });
  };

  it('a detached volume grows, and its record and document say so', async () => {
    await make('loose');
    const job = await system.run('volume.expand', { name: 'loose', capacity: '3GiB' });
    expect(job).toMatchObject({ state: 'succeeded', result: { capacityBytes: 3 * GIB, expanded: true } });
    expect(await disksOf(system, 'loose')).toMatchObject([{ capacityBytes: 3 * GIB }]);
    expect(await system.volume('loose')).toMatchObject({ state: 'available', spec: { capacityBytes: 3 * GIB } });
    expect(await documentOf(system, 'shared-1', 'loose')).toMatchObject({ spec: { capacityBytes: 3 * GIB } });
  });

  it('an attached volume grows through its machine', async () => {
    await make('held');
    await system.run('volume.attach', { volume: 'held', machine: 'lab-vm-1' });
    const job = await system.run('volume.expand', { name: 'held', capacity: '2GiB' });
    expect(job).toMatchObject({ state: 'succeeded' });
    expect(job.steps.map((step) => [step.name, step.state])).toContainEqual(['grow', 'skipped']);
    expect(await disksOf(system, 'held')).toMatchObject([
      { capacityBytes: 2 * GIB, attachments: [{ vm: 'lab-vm-1' }] },
    ]);
    expect(await system.volume('held')).toMatchObject({ state: 'in-use', holders: [{ machineName: 'lab-vm-1' }] });
  });

  it('the same size is done already; a smaller one is refused', async () => {
    await make('sized');
    const before = await tasksOf(system, 'ExtendVirtualDisk_Task');
    expect(await system.run('volume.expand', { name: 'sized', capacity: '1GiB' })).toMatchObject({
      state: 'succeeded',
      result: { expanded: false },
    });
    const shrink = await system.run('volume.expand', { name: 'sized', capacity: '500MB' });
    expect(shrink).toMatchObject({
      state: 'dead',
      error: { code: 'shrink-refused', kind: 'invalid', fields: [{ pointer: '/payload/capacity' }] },
    });
    expect(await tasksOf(system, 'ExtendVirtualDisk_Task')).toEqual(before);
    expect(await system.volume('sized')).toMatchObject({ state: 'available', spec: { capacityBytes: GIB } });
  });

  it('a clone has the content of its source, and its own identity', async () => {
    await make('origin');
    await writeAt(await extentOf(system, '[shared-1] stowage/volumes/origin/origin.vmdk'), MARKER, MARKER_AT);
    const job = await system.run('volume.clone', { source: 'origin', name: 'copy' });
    expect(job).toMatchObject({ state: 'succeeded', result: { capacityBytes: GIB, created: true } });
    const extent = await extentOf(system, '[shared-1] stowage/volumes/copy/copy.vmdk');
    expect(await readAt(extent, MARKER.length, MARKER_AT)).toBe(MARKER);
    const [origin, copy] = [await system.volume('origin'), await system.volume('copy')];
    expect(copy?.spec).toMatchObject({ cloneFrom: 'origin', capacityBytes: GIB });
    expect(copy?.place?.disk?.uuid).toMatch(/^[0-9a-f]{32}$/);
    expect(copy?.place?.disk?.uuid).not.toBe(origin?.place?.disk?.uuid);
  });

  it('clone-from to another store copies there', async () => {
    await make('base');
    await writeAt(await extentOf(system, '[shared-1] stowage/volumes/base/base.vmdk'), MARKER, MARKER_AT);
    const options = { 'clone-from': 'base', VolumeStore: 'fast' };
    expect(await system.run('volume.create', { name: 'elsewhere', options })).toMatchObject({
      state: 'succeeded',
      result: { datastore: 'shared-2' },
    });
    const extent = await extentOf(system, '[shared-2] stowage/volumes/elsewhere/elsewhere.vmdk');
    expect(await readAt(extent, MARKER.length, MARKER_AT)).toBe(MARKER);
  });

  it('a volume that is being written is not copied; one that is only read is', async () => {
    await make('live');
    await system.run('volume.attach', { volume: 'live', machine: 'lab-vm-2' });
    const torn = await system.run('volume.clone', { source: 'live', name: 'torn' });
    expect(torn).toMatchObject({ state: 'dead', error: { code: 'volume-in-use', kind: 'conflict' } });
    expect(torn.error?.message).toContain('lab-vm-2');
    expect(torn.error?.holder).toContain('lab-vm-2');
    expect(await filesWith(system, 'torn')).toEqual([]);
    await system.run('volume.detach', { volume: 'live' });
    await system.run('volume.attach', { volume: 'live', machine: 'lab-vm-2', access: 'read-only' });
    expect(await system.run('volume.clone', { source: 'live', name: 'torn' })).toMatchObject({ state: 'succeeded' });
  });

  it('a directory on NFS is copied with its files', async () => {
    await make('tree', { VolumeStore: 'nfs' });
    const root = `${await directoryOf(system, 'nfs-1')}/stowage/volumes`;
    await writeFile(`${root}/tree/data/hello.txt`, MARKER);
    const options = { VolumeStore: 'nfs' };
    await system.lab('POST', '/drops', { method: 'CopyDatastoreFile_Task', when: 'after' });
    const job = await system.run('volume.clone', { source: 'tree', name: 'tree_copy', options });
    expect(job).toMatchObject({ state: 'succeeded' });
    expect(await tasksOf(system, 'CopyDatastoreFile_Task')).toHaveLength(1);
    expect(await filesWith(system, 'tree_copy/data/hello.txt')).toHaveLength(1);
    expect(await system.run('volume.clone', { source: 'tree', name: 'as_disk' })).toMatchObject({
      state: 'dead',
      error: { code: 'operation-unsupported' },
    });
    expect(await filesWith(system, 'as_disk')).toEqual([]);
  });

  it('the same clone again is that clone, whatever has become of its source', async () => {
    await make('parent');
    const clone = { name: 'child', options: { 'clone-from': 'parent' } };
    expect(await system.run('volume.create', clone)).toMatchObject({ state: 'succeeded', result: { created: true } });
    await system.run('volume.expand', { name: 'child', capacity: '2GiB' });
    const again = { state: 'succeeded', result: { created: false, capacityBytes: 2 * GIB } };
    expect(await system.run('volume.create', clone)).toMatchObject(again);
    await system.run('volume.attach', { volume: 'parent', machine: 'lab-vm-1' });
    expect(await system.run('volume.create', clone)).toMatchObject(again);
    await system.run('volume.detach', { volume: 'parent' });
    expect(await system.run('volume.remove', { name: 'parent' })).toMatchObject({ state: 'succeeded' });
    expect(await system.run('volume.clone', { source: 'parent', name: 'child' })).toMatchObject(again);
    const other = { name: 'child', options: { 'clone-from': 'parent', access: 'read-only' } };
    expect(await system.run('volume.create', other)).toMatchObject({ error: { code: 'volume-exists' } });
  });

  it('the source does not exist', async () => {
    expect(await system.run('volume.clone', { source: 'nowhere', name: 'nothing' })).toMatchObject({
      state: 'dead',
      error: { code: 'volume-not-found', kind: 'not-found' },
    });
    expect(await system.volume('nothing')).toBeUndefined();
  });
});
