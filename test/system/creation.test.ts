import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Redis } from 'ioredis';
import type { Job } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { countTasks, directoryOf, disksOf, documentOf, filesWith } from './lab-view.ts';

describe('making what is there, and removing what is not', () => {
  let system: System;
  let volumes: string;
  beforeAll(async () => {
    system = await startSystem();
    expect(await create('first_vol')).toMatchObject({ state: 'succeeded' });
    volumes = `${await directoryOf(system, 'shared-1')}/stowage/volumes`;
  });
  afterAll(() => system.close());

  const create = (name: string, options: Record<string, string> = {}): Promise<Job> =>
    system.run('volume.create', { name, options });

  it('the same volume again is that volume', async () => {
    const first = await create('same_vol', { Capacity: '10GB', diskformat: 'thin' });
    expect(first).toMatchObject({ state: 'succeeded', result: { created: true } });
    const again = await create('same_vol', { size: '10000MB', access: 'Read-Write', fstype: 'EXT4' });
    expect(again).toMatchObject({ state: 'succeeded', result: { ...first.result, created: false } });
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'same_vol')).toBe(1);
  });

  it('another specification under its name is a conflict that says what differs', async () => {
    await create('spec_vol', { Capacity: '10GB' });
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [{ Capacity: '20GB' }, /Capacity is 10 GB .*not 20 GB/],
      [{ Capacity: '10GB', VolumeStore: 'fast' }, /VolumeStore is default, not fast/],
      [{ Capacity: '10GB', access: 'read-only' }, /access is read-write, not read-only/],
      [{ Capacity: '10GB', diskformat: 'zeroedthick', fstype: 'xfs' }, /diskformat is thin.*fstype is ext4/],
      [{ 'clone-from': 'first_vol' }, /clone-from is not set, not first_vol/],
    ];
    for (const [options, difference] of cases) {
      const job = await create('spec_vol', options);
      expect(job).toMatchObject({ state: 'dead', error: { code: 'volume-exists', kind: 'conflict' } });
      expect(job.error?.message).toMatch(difference);
    }
    expect(await system.volume('spec_vol')).toMatchObject({ state: 'available', spec: { fileSystem: 'ext4' } });
    expect(await disksOf(system, 'spec_vol')).toHaveLength(1);
  });

  it('two at once under one name: one volume', async () => {
    const jobs = await Promise.all([create('race_vol', { size: '2GB' }), create('race_vol', { Capacity: '2GB' })]);
    expect(jobs.map((job) => String(job.result?.['created'] === true)).toSorted()).toEqual(['false', 'true']);
    expect(await disksOf(system, 'race_vol')).toHaveLength(1);
  });

  it("somebody's files in the place: a conflict, and they are as they were", async () => {
    await mkdir(`${volumes}/taken_vol`);
    await writeFile(`${volumes}/taken_vol/taken_vol.vmdk`, '# not ours');
    const job = await create('taken_vol');
    expect(job).toMatchObject({ state: 'dead', error: { code: 'volume-foreign', kind: 'conflict' } });
    expect(job.error?.message).toContain('taken_vol.vmdk');
    expect(await readdir(`${volumes}/taken_vol`)).toEqual(['taken_vol.vmdk']);
    expect(await system.volume('taken_vol')).toBeUndefined();
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'taken_vol')).toBe(0);
  });

  it("somebody's document in the place, and one of a volume that Redis forgot", async () => {
    await mkdir(`${volumes}/paper_vol`);
    await writeFile(`${volumes}/paper_vol/volume.json`, '{"hello": "world"}');
    expect(await create('paper_vol')).toMatchObject({ state: 'dead', error: { code: 'volume-damaged' } });
    expect(await readdir(`${volumes}/paper_vol`)).toEqual(['volume.json']);
    await create('lost_record', { size: '3GB' });
    const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    await redis.del('{stowage}:rec:volume:lost_record');
    await redis.zrem('{stowage}:recs:volume', 'lost_record');
    await redis.quit();
    expect(await system.volume('lost_record')).toBeUndefined();
    expect(await create('lost_record', { size: '4GB' })).toMatchObject({
      state: 'dead',
      error: { code: 'volume-exists' },
    });
    expect(await create('lost_record', { size: '3GB' })).toMatchObject({
      state: 'succeeded',
      result: { created: false },
    });
    expect(await documentOf(system, 'shared-1', 'lost_record')).toMatchObject({ state: 'available' });
    expect(await disksOf(system, 'lost_record')).toHaveLength(1);
  });

  it('an empty directory in the place is taken', async () => {
    await mkdir(`${volumes}/empty_vol`);
    expect(await create('empty_vol')).toMatchObject({ state: 'succeeded', result: { created: true } });
  });

  it('removing what is not there, or is held', async () => {
    expect(await system.run('volume.remove', { name: 'no_such_vol' })).toMatchObject({
      state: 'succeeded',
      result: { name: 'no_such_vol', removed: false },
    });
    await create('held_vol');
    await system.run('volume.attach', { volume: 'held_vol', machine: 'lab-vm-1' });
    const job = await system.run('volume.remove', { name: 'held_vol' });
    expect(job).toMatchObject({ state: 'dead', error: { code: 'volume-in-use', kind: 'conflict' } });
    expect(job.error?.holder).toContain('lab-vm-1');
    expect(await disksOf(system, 'held_vol')).toHaveLength(1);
    expect(await system.volume('held_vol')).toMatchObject({ state: 'in-use' });
  });

  it('a volume on NFS is a directory: made, found again and removed with its files', async () => {
    expect(await create('dir_vol', { VolumeStore: 'nfs' })).toMatchObject({ state: 'succeeded' });
    expect(await create('dir_vol', { VolumeStore: 'nfs' })).toMatchObject({ result: { created: false } });
    const data = `${await directoryOf(system, 'nfs-1')}/stowage/volumes/dir_vol/data`;
    await writeFile(`${data}/file`, 'content');
    expect(await disksOf(system, 'dir_vol')).toEqual([]);
    expect(await system.run('volume.remove', { name: 'dir_vol' })).toMatchObject({ state: 'succeeded' });
    expect(await filesWith(system, 'dir_vol')).toEqual([]);
  });
});
