import { describe, expect, test } from 'vitest';
import { hexOf } from '../../core/reference.ts';
import { digestOf, imageRecord, nameOf } from './fixtures.ts';
import { indexImages } from './naming.ts';

const old = imageRecord({
  seed: 'old',
  names: [nameOf('app:1', 1), nameOf('app:2', 1)],
  created: '2020-01-01T00:00:00Z',
});
const young = imageRecord({ seed: 'young', names: [nameOf('app:1', 2), nameOf(`app@${digestOf('m')}`, 2)] });
const pulling = { ...imageRecord({ seed: 'late', names: [nameOf('app:1', 3)] }), state: 'pulling' as const };
const index = indexImages([old, pulling, young]);

describe('images by name', () => {
  test('a name that two images have is of the one that got it last; one that is being pulled has none yet', () => {
    expect(index.find('app:1').image.record.name).toBe(young.name);
    expect(index.find('app:2').image.record.name).toBe(old.name);
    expect(index.images.map(({ record, tags }) => [record.name, tags])).toEqual([
      [young.name, ['docker.io/library/app:1']],
      [old.name, ['docker.io/library/app:2']],
    ]);
  });

  test('says by which name an image was found, or by its id', () => {
    expect(index.find('docker.io/library/app:2').reference).toBe('docker.io/library/app:2');
    expect(index.find(`app@${digestOf('m')}`).reference).toBe(`docker.io/library/app@${digestOf('m')}`);
    expect(index.find(`app:whatever@${digestOf('m')}`).reference).toBe(`docker.io/library/app@${digestOf('m')}`);
    expect(index.find(old.name)).not.toHaveProperty('reference');
    expect(index.find(hexOf(old.name).slice(0, 12)).image.record.name).toBe(old.name);
    expect(index.find(`sha256:${hexOf(old.name).slice(0, 12)}`).image.record.name).toBe(old.name);
  });

  test('a beginning that several ids have names none of them', () => {
    const many = Array.from({ length: 40 }, (_, seed) => imageRecord({ seed: `${seed}`, names: [] }));
    const counts = new Map<string, number>();
    for (const { name } of many) counts.set(hexOf(name).charAt(0), (counts.get(hexOf(name).charAt(0)) ?? 0) + 1);
    const shared = [...counts].find(([, count]) => count > 1)?.[0] ?? '';
    expect(() => indexImages(many).find(shared)).toThrow(`multiple IDs found with provided prefix: ${shared}`);
  });

  test('a name like an id is a name first', () => {
    const named = imageRecord({ seed: 'cafe', names: [nameOf('cafe')] });
    expect(indexImages([named]).find('cafe').reference).toBe('docker.io/library/cafe:latest');
  });

  test.each([
    ['nothing', 'No such image: nothing:latest'],
    ['registry.test:5000/a/b:1', 'No such image: registry.test:5000/a/b:1'],
    ['UPPER', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['', 'invalid reference format'],
  ])('%j is refused', (text, message) => {
    expect(() => index.find(text)).toThrow(message);
  });
});
