import { describe, expect, it } from 'vitest';
import { formatSize, parseVolumeSize, SIZE_PATTERN } from './size.ts';

describe('sizes', () => {
  it.each([
    ['10GB', 10_000_000_000],
    ['10GiB', 10_737_418_240],
    ['0.5TB', 500_000_000_000],
    ['1024', 1_024_000_000],
    ['10 gb', 10_000_000_000],
    [' 10GB ', 10_000_000_000],
    ['2T', 2_000_000_000_000],
    ['1.5GiB', 1_610_612_736],
    ['1000000B', 1_000_448],
    ['1MB', 1_000_448],
    ['62TiB', 68_169_720_922_112],
  ])('%s is %d bytes, in whole KiB', (text, bytes) => {
    expect(parseVolumeSize(text)).toEqual({ bytes });
    expect(bytes % 1_024).toBe(0);
    // Documents know nothing of space around it.
    expect(text.trim()).toMatch(new RegExp(SIZE_PATTERN, 'u'));
  });

  it.each([
    '',
    ' ',
    '-1',
    '-1GB',
    '+1GB',
    '10XB',
    '10EB',
    '10PB',
    'GB',
    '1e9',
    '0x10',
    '1,5GB',
    '.5GB',
    '1.GB',
    '1 0GB',
    'NaN',
    '10GB!',
    '10GBGB',
    '１０GB',
  ])('%j is not a size, and the message says how one is written', (text) => {
    expect(parseVolumeSize(text)).toEqual({ fault: expect.stringContaining('is not a size') });
    expect(text).not.toMatch(new RegExp(SIZE_PATTERN, 'u'));
  });

  it.each(['9223372036854775808', '9223372036854775807B', '62.000001TiB', '63TiB', `${'9'.repeat(30)}TB`])(
    '%s is too large: more than the 62 TiB of a virtual disk',
    (text) => {
      expect(parseVolumeSize(text)).toEqual({ fault: expect.stringContaining('62TiB') });
    },
  );

  it.each(['0', '0GB', '1B', '999KB', '0.5MB'])('%s is too small', (text) => {
    expect(parseVolumeSize(text)).toEqual({ fault: expect.stringContaining('at least 1MB') });
  });

  it('is written for people in powers of 1,000', () => {
    expect([0, 999, 1_000, 10_000_000_000, 1_500_000_000_000, 10_737_418_240].map(formatSize)).toEqual([
      '0 B',
      '999 B',
      '1 kB',
      '10 GB',
      '1.5 TB',
      '10.74 GB',
    ]);
  });
});
