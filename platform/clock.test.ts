import { expect, it } from 'vitest';
import { randomBytes } from './clock.ts';

it('no bytes are given out twice, whatever was asked for between', () => {
  const sizes = Array.from({ length: 3_000 }, (_, index) => [10, 16, 256, 257, 5_000][index % 5] ?? 10);
  const given = sizes.map((size) => randomBytes(size));
  expect(given.map(({ length }) => length)).toEqual(sizes);
  const heads = given.map((bytes) => Buffer.from(bytes.subarray(0, 10)).toString('hex'));
  expect(new Set(heads).size).toBe(given.length);
  expect(heads).not.toContain('00'.repeat(10));
});
