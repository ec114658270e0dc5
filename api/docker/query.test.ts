import { describe, expect, test } from 'vitest';
import { filtersOf, flagFilter, flagOf, hasLabels } from './query.ts';
import { parseTime } from './time.ts';
import { splitVersion } from './version.ts';

const query = (filters: string): URLSearchParams => new URLSearchParams({ filters });

describe('query booleans', () => {
  test.each(['', '0', 'no', 'false', 'none', 'False', ' NO '])('%j is false', (text) => {
    expect(flagOf(new URLSearchParams({ force: text }), 'force', true)).toBe(false);
  });

  test.each(['1', 'true', 'True', 'yes', 'anything'])('%j is true', (text) => {
    expect(flagOf(new URLSearchParams({ force: text }), 'force')).toBe(true);
  });

  test('one that was not sent is what the caller says', () => {
    expect(flagOf(new URLSearchParams(), 'force')).toBe(false);
    expect(flagOf(new URLSearchParams(), 'force', true)).toBe(true);
  });
});

describe('filters', () => {
  test('are read as the CLI and as SDKs send them', () => {
    for (const text of ['{"label":{"a=b":true,"c":true,"off":false}}', '{"label":["a=b","c"]}'])
      expect(filtersOf(query(text), ['label'])).toEqual(new Map([['label', ['a=b', 'c']]]));
    expect(filtersOf(new URLSearchParams(), ['label'])).toEqual(new Map());
  });

  test.each(['nope', '[]', '1', 'null', '{"label":1}', '{"label":[1]}', '{"label":{"a":1}}'])('%s is none', (text) => {
    expect(() => filtersOf(query(text), ['label'])).toThrow('Invalid filter');
  });

  test('one that is not known is named', () => {
    expect(() => filtersOf(query('{"nope":["1"]}'), ['label'])).toThrow("Invalid filter 'nope'");
  });

  test('that are yes or no cannot be both, or something else', () => {
    const flag = (...values: string[]): boolean | undefined => flagFilter(new Map([['dangling', values]]), 'dangling');
    expect([flag('true'), flag('1'), flag('false'), flag('0'), flag()]).toEqual([true, true, false, false, undefined]);
    expect(() => flag('true', 'false')).toThrow("Invalid filter 'dangling=true, false'");
    expect(() => flag('maybe')).toThrow("Invalid filter 'dangling=maybe'");
  });

  test('labels are there, or there with a value', () => {
    const labels = { a: 'b', empty: '', eq: 'x=y' };
    expect(hasLabels(labels, ['a', 'a=b', 'empty', 'empty=', 'eq=x=y'])).toBe(true);
    for (const missing of ['c', 'a=', 'a=c', 'toString']) expect(hasLabels(labels, [missing])).toBe(false);
  });
});

test('times are read as the CLI writes them', () => {
  const nowMs = Date.parse('2026-11-24T09:00:00Z');
  expect(parseTime('1700000000', nowMs)).toBe(1_700_000_000_000);
  expect(parseTime('1700000000.250000000', nowMs)).toBe(1_700_000_000_250);
  expect(parseTime('1h30m', nowMs)).toBe(nowMs - 5_400_000);
  expect(parseTime('10ms', nowMs)).toBe(nowMs - 10);
  expect(parseTime('2026-11-24T08:00:00Z', nowMs)).toBe(nowMs - 3_600_000);
  expect(() => parseTime('yesterday', nowMs)).toThrow('invalid value "yesterday"');
});

test('a path with no version is of the newest; what only looks like one is a path', () => {
  expect(splitVersion('/volumes')).toEqual({ minor: 50, rest: '/volumes' });
  expect(splitVersion('/v1.24/volumes')).toEqual({ minor: 24, rest: '/volumes' });
  expect(splitVersion('/v1.5x/volumes')).toEqual({ minor: 50, rest: '/v1.5x/volumes' });
  expect(() => splitVersion('/v2.0/volumes')).toThrow('client version 2.0 is too new');
  expect(() => splitVersion('/v0.9/volumes')).toThrow('client version 0.9 is too old');
});
