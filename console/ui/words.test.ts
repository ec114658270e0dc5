import { expect, test } from 'vitest';
import { formatBytes } from './bytes.ts';
import { formatAge, formatDuration } from './time.tsx';

test('sizes have the unit in which they are short, and are never 1024 of one', () => {
  const sizes = [0, 512, 1_023, 1_024, 1_536, 10 * 2 ** 30, 2 ** 40 - 1, 2 ** 50, 123_456_789];
  expect(sizes.map(formatBytes)).toEqual([
    '0 B',
    '512 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '10 GiB',
    '1 TiB',
    '1 PiB',
    '118 MiB',
  ]);
});

test('durations are told as closely as they matter', () => {
  const durations = [4, 999, 1_234, 12_345, 200_000, 3_600_000, 7_500_000, 273_600_000];
  expect(durations.map(formatDuration)).toEqual([
    '4 ms',
    '999 ms',
    '1.23 s',
    '12.3 s',
    '3 min 20 s',
    '1 h',
    '2 h 5 min',
    '3 d 4 h',
  ]);
  expect([-5, 999, 61_000, 7_200_000, 172_800_000].map(formatAge)).toEqual(['0 s', '0 s', '1 min', '2 h', '2 d']);
});
