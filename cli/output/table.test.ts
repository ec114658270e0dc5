import { describe, expect, test } from 'vitest';
import { createPaint, type Paint } from './style.ts';
import { column, renderTable, wide } from './table.ts';
import { ageWords, durationWords, harmless, oneLine, sizeWords } from './words.ts';
import { renderDetail } from './detail.ts';

const paint: Paint = (_look, text) => text;
const nowMs = Date.parse('2026-11-29T12:00:00Z');
const world = { paint, nowMs };
const COLUMNS = [
  wide('NAME', 'name'),
  column('SIZE', 'spec.bytes', 'size'),
  column('AGE', 'at', 'age'),
  wide('NOTE', 'note'),
];
const ITEMS = [
  { name: 'a', spec: { bytes: 10e9 }, at: '2026-11-29T11:57:00Z', note: 'short' },
  { name: 'a-name-that-is-long', spec: {}, note: 'a note that would not fit into anything narrow' },
];

describe('tables', () => {
  test('columns are as wide as they need, numbers to the right, what is missing a dash', () => {
    expect(renderTable(COLUMNS, ITEMS, world)).toBe(
      [
        'NAME                  SIZE  AGE  NOTE',
        'a                    10 GB   3m  short',
        'a-name-that-is-long      -    -  a note that would not fit into anything narrow',
        '',
      ].join('\n'),
    );
  });

  test('a narrow terminal shortens what may be shortened, the widest first', () => {
    const lines = renderTable(COLUMNS, ITEMS, { ...world, width: 50 })
      .trimEnd()
      .split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBe(50);
    expect(lines[2]).toMatch(/^a-name-that-is-l\S* .*a note that .*…$/);
    const narrow = renderTable(COLUMNS, ITEMS, { ...world, width: 10 }).split('\n');
    expect(narrow[2]).toMatch(/^a-name-…/);
  });

  test('what the API tells cannot steer the terminal', () => {
    const bad = [{ name: 'x\u001b[2J\u009by\nz' }];
    expect(renderTable([column('NAME', 'name')], bad, world)).toBe('NAME\nx\u{fffd}[2J\u{fffd}y z\n');
    expect(renderDetail({ note: '\u001b]0;owned\u0007' }, world)).toBe('note: \u{fffd}]0;owned\u{fffd}\n');
    expect(harmless('two\nlines\tand a tab')).toBe('two\nlines\tand a tab');
    expect(oneLine('two\n lines')).toBe('two lines');
  });

  test('one thing is shown whole, members of members indented', () => {
    const text = renderDetail(
      { name: 'v', sizeBytes: 5e9, at: '2026-11-29T11:00:00Z', none: null, labels: { a: 'b' }, list: [{ x: 1, y: 2 }] },
      world,
    );
    expect(text).toBe(
      [
        'name:      v',
        'sizeBytes: 5000000000 (5 GB)',
        'at:        2026-11-29T11:00:00Z (1h ago)',
        'none:      -',
        'labels:',
        '  a: b',
        'list:',
        '  - x: 1',
        '    y: 2',
        '',
      ].join('\n'),
    );
  });
});

describe('words', () => {
  test('sizes, durations and ages', () => {
    expect([0, 999, 1_000, 1_536_000, 12_345_678, 5e12].map(sizeWords)).toEqual([
      '0 B',
      '999 B',
      '1 kB',
      '1.54 MB',
      '12.3 MB',
      '5 TB',
    ]);
    expect([5, 1_500, 42_400, 60_000, 185_000, 7_800_000, 273_600_000].map(durationWords)).toEqual([
      '5 ms',
      '1.5 s',
      '42 s',
      '1 min',
      '3 min 5 s',
      '2 h 10 min',
      '3 d 4 h',
    ]);
    expect([2_000, 150_000, 90_000_000, 400_000_000].map((ms) => ageWords(0, ms))).toEqual(['2s', '2m', '25h', '4d']);
  });

  test('colours only on a terminal, and never against NO_COLOR', () => {
    const red = (isTerminal: boolean, env: Readonly<Record<string, string>>) =>
      createPaint(isTerminal, env)('red', 'x');
    expect(red(true, {})).toBe('\u001b[31mx\u001b[0m');
    expect([red(false, {}), red(true, { NO_COLOR: '1' }), red(true, { TERM: 'dumb' })]).toEqual(['x', 'x', 'x']);
    expect(red(false, { FORCE_COLOR: '1' })).toBe('\u001b[31mx\u001b[0m');
  });
});
