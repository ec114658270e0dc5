import { describe, expect, test } from 'vitest';
import { parseVolumeStores } from './volume-stores.ts';

describe('parseVolumeStores', () => {
  test('reads datastores and datastore clusters', () => {
    expect(parseVolumeStores('default=[ds 1] a/b/; pod=pod:POD root; odd = pod:[my pod] ; bare=[x];')).toEqual([
      { name: 'default', target: { type: 'datastore', name: 'ds 1' }, root: 'a/b' },
      { name: 'pod', target: { type: 'pod', name: 'POD' }, root: 'root' },
      { name: 'odd', target: { type: 'pod', name: 'my pod' }, root: '' },
      { name: 'bare', target: { type: 'datastore', name: 'x' }, root: '' },
    ]);
  });

  test.each([
    ['', 'no store is named "default"'],
    ['other=[ds] a', 'no store is named "default"'],
    ['default=ds a', 'is not name=[datastore] folder'],
    ['default=[] a', 'names no datastore'],
    ['default=[ds] a; default=[ds2] a', 'twice'],
    ['default=[ds] a; other=[ds] a/', 'the same place'],
    ['default=[ds] ../a', 'vSphere does not take'],
    ['default=[ds] a:b', 'vSphere does not take'],
    ['de fault=[ds] a', "is not a store's name"],
  ])('refuses %j', (text, reason) => {
    expect(() => parseVolumeStores(text)).toThrow(reason);
  });
});
