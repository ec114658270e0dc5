import { expect, test } from 'vitest';
import { placeOf } from './pointer-place.ts';

const text = JSON.stringify({ name: 'x', options: { name: 'y', 'a/b': 1 } }, null, 2);
const found = (pointer: string): string => text.slice(...placeOf(text, pointer));

test('a pointer into the payload is found in its text, member by member', () => {
  expect(found('/payload/options/name')).toBe('"name"');
  expect(placeOf(text, '/payload/options/name')[0]).toBeGreaterThan(placeOf(text, '/payload/name')[0]);
  expect(found('/payload/options/a~1b')).toBe('"a/b"');
});

test('of what is not there, the nearest that is; of nothing, the beginning', () => {
  expect(found('/payload/options/missing')).toBe('"options"');
  expect(placeOf(text, '/elsewhere')).toEqual([0, 0]);
});
