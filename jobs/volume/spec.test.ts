import { describe, expect, it } from 'vitest';
import { parseVolumeName } from '../../core/ids.ts';
import type { VolumeSpec } from '../../core/volume.ts';
import { explainDifference } from './spec.ts';

const SPEC: VolumeSpec = {
  store: 'default',
  capacityBytes: 10_000_000_000,
  diskFormat: 'thin',
  access: 'read-write',
  fileSystem: 'ext4',
  labels: {},
};
const source = parseVolumeName('base');

describe('the difference of two specifications', () => {
  it('none when they are equal; labels do not count', () => {
    expect(explainDifference(SPEC, { ...SPEC })).toBeUndefined();
    expect(explainDifference(SPEC, { ...SPEC, labels: { team: 'blue' } })).toBeUndefined();
  });

  it.each([
    [{ store: 'fast' }, 'VolumeStore is default, not fast'],
    [{ diskFormat: 'zeroedthick' }, 'diskformat is thin, not zeroedthick'],
    [{ access: 'read-only' }, 'access is read-write, not read-only'],
    [{ fileSystem: 'xfs' }, 'fstype is ext4, not xfs'],
    [source === undefined ? {} : { cloneFrom: source }, 'clone-from is not set, not base'],
  ] satisfies readonly (readonly [Partial<VolumeSpec>, string])[])('%j: %s', (change, text) => {
    expect(explainDifference(SPEC, { ...SPEC, ...change })).toBe(text);
  });

  it('sizes are told in bytes too: 10GB and 10GiB look alike', () => {
    expect(explainDifference(SPEC, { ...SPEC, capacityBytes: 10_000_001_024 })).toBe(
      'Capacity is 10 GB (10000000000 bytes), not 10 GB (10000001024 bytes)',
    );
  });

  it('all differences are told', () => {
    expect(explainDifference(SPEC, { ...SPEC, store: 'fast', fileSystem: 'xfs' })?.split('; ')).toHaveLength(2);
  });
});
