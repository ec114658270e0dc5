import { describe, expect, it } from 'vitest';
import type { VolumeStore } from '../../core/volume.ts';
import { checkStore, clonePayload, createPayload } from './options.ts';
import { createWorld } from '../world.ts';

/** What is wrong, as `path: message`; none when it parses. */
function faultsOf(options: Record<string, string>): readonly string[] {
  const parsed = createPayload.safeParse({ name: 'demo', options });
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('/')}: ${issue.message}`);
}

describe('options of a volume', () => {
  it('without any: the defaults', () => {
    expect(createPayload.parse({ name: 'demo' })).toEqual({
      name: 'demo',
      store: 'default',
      access: 'read-write',
      labels: {},
    });
  });

  it('all of them, in any case', () => {
    const options = { VOLUMESTORE: 'fast', capacity: '10GB', DiskFormat: 'Thin', ACCESS: 'Read-Only', fsType: 'XFS' };
    expect(createPayload.parse({ name: 'demo', options, labels: { a: 'b' }, driver: 'local' })).toEqual({
      name: 'demo',
      store: 'fast',
      capacityBytes: 10_000_000_000,
      diskFormat: 'thin',
      access: 'read-only',
      fileSystem: 'xfs',
      labels: { a: 'b' },
    });
  });

  it('size is another word for Capacity; both, or one twice, is a fault', () => {
    expect(createPayload.parse({ name: 'demo', options: { size: '1GB' } })).toMatchObject({
      capacityBytes: 1_000_000_512,
    });
    expect(faultsOf({ Capacity: '1GB', size: '1GB' })).toEqual([
      'options/size: says the same as Capacity: leave one of them out',
    ]);
    expect(faultsOf({ access: 'read-only', ACCESS: 'read-only' })).toEqual([
      'options/ACCESS: says the same as access: leave one of them out',
    ]);
  });

  it('unknown ones are refused, with the list of those there are', () => {
    const [fault, ...others] = faultsOf({ colour: 'red' });
    expect(others).toEqual([]);
    expect(fault).toContain('options/colour: is not an option');
    for (const name of ['VolumeStore', 'Capacity', 'size', 'diskformat', 'access', 'fstype', 'clone-from']) {
      expect(fault).toContain(name);
    }
  });

  it.each([
    ['diskformat', 'thick', 'thin, zeroedthick, eagerzeroedthick'],
    ['access', 'rw', 'read-write, read-only'],
    ['fstype', 'ntfs', 'ext4, xfs, btrfs, none'],
    ['size', '10XB', 'is not a size'],
    ['size', '-1', 'is not a size'],
    ['clone-from', 'a/b', 'a volume name'],
  ])('%s=%s is refused: %s', (option, text, reason) => {
    expect(faultsOf({ [option]: text })).toEqual([expect.stringContaining(reason)]);
  });

  it('names of JavaScript’s own are options like any others: unknown', () => {
    expect(faultsOf({ constructor: 'x', toString: 'y' })).toHaveLength(2);
  });

  it('a clone takes size and file system from its source', () => {
    expect(createPayload.parse({ name: 'demo', options: { 'clone-from': 'base', diskformat: 'thin' } })).toMatchObject({
      cloneFrom: 'base',
      diskFormat: 'thin',
    });
    for (const option of ['size', 'Capacity']) {
      expect(faultsOf({ 'clone-from': 'base', [option]: '1GB' })).toEqual([
        expect.stringContaining(`options/${option}: comes from the source of the clone`),
      ]);
    }
    expect(faultsOf({ fstype: 'xfs', 'clone-from': 'base' })).toEqual([expect.stringContaining('options/fstype')]);
    expect(faultsOf({ 'clone-from': 'demo' })).toEqual([expect.stringContaining('clone of itself')]);
  });

  it('volume.clone names its source once', () => {
    expect(clonePayload.parse({ source: 'base', name: 'copy' })).toMatchObject({ name: 'copy', cloneFrom: 'base' });
    const both = clonePayload.safeParse({ source: 'base', name: 'copy', options: { 'clone-from': 'base' } });
    expect(both.error?.issues.map((issue) => issue.path.join('/'))).toEqual(['options/clone-from']);
    const spelled = clonePayload.safeParse({ source: 'base', name: 'copy', options: { 'Clone-From': 'other' } });
    expect(spelled.success).toBe(false);
    const itself = clonePayload.safeParse({ source: 'base', name: 'base' });
    expect(itself.error?.issues[0]?.path).toEqual(['name']);
    expect(clonePayload.safeParse({ source: 'base', name: 'copy', options: { size: '1GB' } }).success).toBe(false);
  });

  it('a store must be configured; the fault lists those that are', () => {
    const store = (name: string): VolumeStore => ({ name, target: { type: 'datastore', name }, root: '' });
    const world = createWorld({ volumeStores: [store('default'), store('fast')] });
    expect(checkStore({ store: 'fast' }, world)).toEqual([]);
    expect(checkStore({ store: 'gold' }, world)).toEqual([
      { pointer: '/options/VolumeStore', detail: expect.stringContaining('default, fast') },
    ]);
  });
});
