import { expect, test } from 'vitest';
import { contentTypeOf, frame, framerOf } from './multiplex.ts';

test('a portion has its stream and length before it, but for a terminal', () => {
  expect([...frame('stdout', Buffer.from('ab'))]).toEqual([1, 0, 0, 0, 0, 0, 0, 2, 97, 98]);
  expect([...frame('stderr', Buffer.alloc(258)).subarray(0, 8)]).toEqual([2, 0, 0, 0, 0, 0, 1, 2]);
  expect(framerOf(true)('stdout', Buffer.from('ab')).toString()).toBe('ab');
  expect(framerOf(false)('stderr', Buffer.from('ab'))).toHaveLength(10);
});

test('the type says which, to those who know both', () => {
  expect(contentTypeOf(false, 50)).toBe('application/vnd.docker.multiplexed-stream');
  expect(contentTypeOf(false, 41)).toBe('application/vnd.docker.raw-stream');
  expect(contentTypeOf(true, 50)).toBe('application/vnd.docker.raw-stream');
});
