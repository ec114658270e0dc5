import { expect, it } from 'vitest';
import { datastorePath, type DatastorePath } from '../../core/ids.ts';
import type { MachineDisk } from '../../core/ports/machines.ts';
import { scratchOf } from './machine.ts';

const disk = (key: number, path: DatastorePath): MachineDisk => ({
  key,
  controllerKey: 1_000,
  unit: key,
  path,
  capacityBytes: 1,
  mode: 'independent_persistent',
});
const vmxPath = datastorePath('ds', 'stowage/containers/c/c.vmx');

it('the scratch disk is known by its whole path: a volume may have its name', () => {
  const volume = disk(1, datastorePath('ds', 'stowage/volumes/scratch/scratch.vmdk'));
  const elsewhere = disk(2, datastorePath('other', 'stowage/containers/c/scratch.vmdk'));
  const own = disk(3, datastorePath('ds', 'stowage/containers/c/scratch.vmdk'));
  expect(scratchOf({ vmxPath, disks: [volume, elsewhere, own] })).toBe(own);
  expect(scratchOf({ vmxPath, disks: [volume, elsewhere] })).toBeUndefined();
});

it('where the home is not known, no disk is taken for the own one', () => {
  expect(scratchOf({ disks: [disk(3, datastorePath('ds', 'stowage/containers/c/scratch.vmdk'))] })).toBeUndefined();
});
