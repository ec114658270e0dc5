import { describe, expect, test } from 'vitest';
import type { OutputRecord } from '../../core/guest.ts';
import { formatLogTime, lineMarker, parseLogTime } from './log-lines.ts';

describe('times of logs', () => {
  test('are seconds with decimals, or RFC 3339, exact to the nanosecond', () => {
    expect(parseLogTime('')).toBeUndefined();
    expect(parseLogTime('0')).toBeUndefined();
    expect(parseLogTime('0.000000000')).toBeUndefined();
    expect(parseLogTime('1700000000')).toBe(1_700_000_000_000_000_000n);
    expect(parseLogTime('1700000000.000000001')).toBe(1_700_000_000_000_000_001n);
    expect(parseLogTime('1700000000.5')).toBe(1_700_000_000_500_000_000n);
    expect(parseLogTime('2023-11-14T22:13:20.123456789Z')).toBe(1_700_000_000_123_456_789n);
    expect(parseLogTime('2023-11-14T23:13:20+01:00')).toBe(1_700_000_000_000_000_000n);
    expect(() => parseLogTime('yesterday')).toThrow('not a time');
    expect(() => parseLogTime('-5')).toThrow('not a time');
  });

  test('are shown with nine decimals', () => {
    expect(formatLogTime(1_700_000_000_123_456_789n)).toBe('2023-11-14T22:13:20.123456789Z');
    expect(formatLogTime(1_700_000_000_000_000_000n)).toBe('2023-11-14T22:13:20.000000000Z');
  });
});

describe('marks of lines', () => {
  const record = (text: string, more: Partial<OutputRecord> = {}): OutputRecord => ({
    stream: 'stdout',
    timeNs: 1_700_000_000_000_000_000n,
    bytes: Buffer.from(text),
    ...more,
  });
  const AT = '2023-11-14T22:13:20.000000000Z ';
  const shown = (show: Parameters<typeof lineMarker>[0], ...records: readonly OutputRecord[]): string => {
    const mark = lineMarker(show);
    return records.map((each) => Buffer.from(mark(each)).toString()).join('');
  };

  test('stand where a line begins, and nowhere else', () => {
    const all = { timestamps: true, details: false };
    expect(shown(all, record('a\nb\n'))).toBe(`${AT}a\n${AT}b\n`);
    expect(shown(all, record('a'), record('b\nc'), record('\n'))).toBe(`${AT}ab\n${AT}c\n`);
    expect(shown(all, record('\n\n'))).toBe(`${AT}\n${AT}\n`);
    expect(shown(all, record(''))).toBe('');
  });

  test('are of each stream by itself', () => {
    const all = { timestamps: true, details: false };
    expect(shown(all, record('a'), record('E\n', { stream: 'stderr' }), record('b\n'))).toBe(`${AT}a${AT}E\nb\n`);
  });

  test('are not there when nobody asked', () => {
    expect(shown({ timestamps: false, details: false }, record('a\nb'))).toBe('a\nb');
    expect(shown({ timestamps: false, details: true }, record('a\nb'))).toBe(' a\n b');
    expect(shown({ timestamps: true, details: true }, record('a'))).toBe(`${AT} a`);
  });
});
