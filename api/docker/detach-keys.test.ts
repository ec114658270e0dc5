import { describe, expect, test } from 'vitest';
import { DetachKeys, parseDetachKeys } from './detach-keys.ts';

describe('detach keys', () => {
  test('are read as the CLI writes them', () => {
    expect([...parseDetachKeys('')]).toEqual([16, 17]);
    expect([...parseDetachKeys('ctrl-a,x,ctrl-@,ctrl-[,ctrl-_')]).toEqual([1, 120, 0, 27, 31]);
    expect(() => parseDetachKeys('ctrl-A')).toThrow(
      "Invalid detach keys (ctrl-A) provided: Unknown character: 'ctrl-A'",
    );
    expect(() => parseDetachKeys('ab')).toThrow("Unknown character: 'ab'");
    expect(() => parseDetachKeys('a,')).toThrow("Unknown character: ''");
  });

  const feed = (keys: string, ...parts: readonly string[]): readonly [string, boolean] => {
    const detach = new DetachKeys(parseDetachKeys(keys));
    let input = '';
    for (const part of parts) {
      const fed = detach.feed(Buffer.from(part));
      input += fed.input.toString();
      if (fed.isDetached) return [input, true];
    }
    return [input, false];
  };

  test('are found wherever the bytes are cut, and are no input', () => {
    expect(feed('', 'ls\n\u0010\u0011')).toEqual(['ls\n', true]);
    expect(feed('', 'ls\n\u0010', '\u0011more')).toEqual(['ls\n', true]);
    expect(feed('', '\u0010', '\u0010', '\u0011')).toEqual(['\u0010', true]);
    expect(feed('a,a,b', 'xaa', 'ab')).toEqual(['xa', true]);
  });

  test('what only began like them is input, in its order', () => {
    expect(feed('', '\u0010x')).toEqual(['\u0010x', false]);
    expect(feed('', 'a\u0010', 'b\u0011')).toEqual(['a\u0010b\u0011', false]);
    expect(feed('a,a,b', 'aaaac')).toEqual(['aaaac', false]);
    expect(feed('a,b', 'xa')).toEqual(['x', false]);
  });
});
