import { describe, expect, test } from 'vitest';
import { formatListen, isLoopback, parseListen } from './listen.ts';

describe('listen addresses', () => {
  test.each(['127.0.0.1:8080', '[::1]:0', 'localhost:65535', '0.0.0.0:1'])('%s is read and written back', (text) => {
    const listen = parseListen(text);
    expect(listen && formatListen(listen)).toBe(text);
  });

  test.each(['8080', ':8080', 'h:65536', 'h:', '::1:80', '[h]:80', 'http://h:80', 'h:80/x', ''])(
    '%j is refused',
    (text) => {
      expect(parseListen(text)).toBeUndefined();
    },
  );

  test.each([
    ['127.8.9.1', true],
    ['localhost', true],
    ['::1', true],
    ['0.0.0.0', false],
    ['::', false],
    ['127.evil.example', false],
    ['10.0.0.1', false],
  ])('%s: loopback %s', (host, expected) => {
    expect(isLoopback({ host, port: 1 })).toBe(expected);
  });
});
