import { describe, expect, test } from 'vitest';
import { parseRedisUrl } from './redis-url.ts';

describe('parseRedisUrl', () => {
  test.each([
    ['redis://localhost', { mode: 'single', node: { host: 'localhost', port: 6379 } }],
    ['redis://[::1]:7000/2', { mode: 'single', node: { host: '::1', port: 7000 } }],
    ['redis+unix:///run/my%20redis.sock?db=1', { mode: 'socket', path: '/run/my redis.sock' }],
    [
      'redis+sentinel://a:1,b/primary',
      {
        mode: 'sentinel',
        sentinels: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26_379 },
        ],
        primary: 'primary',
      },
    ],
    ['rediss+cluster://a:1', { mode: 'cluster', nodes: [{ host: 'a', port: 1 }] }],
  ])('%s', (url, target) => {
    expect(parseRedisUrl(url).target).toEqual(target);
  });

  test('reads user, password and database', () => {
    const address = parseRedisUrl('rediss://ada:p%40ss:word@h/3');
    expect(address).toMatchObject({ tls: true, username: 'ada', database: 3 });
    expect(address.password?.reveal()).toBe('p@ss:word');
    expect(parseRedisUrl('redis+unix:///s?password=a%2Bb').password?.reveal()).toBe('a+b');
  });

  test.each([
    ['http://h', 'schemes'],
    ['redis://h:99999', 'host'],
    ['redis://a,b', 'several hosts'],
    ['redis://h/x', 'database'],
    ['redis+cluster://h?db=1', 'database 0'],
    ['redis+sentinel://h', 'primary'],
    ['redis+unix://h/s', 'three slashes'],
    ['redis://h?tls=1', 'tls'],
    ['redis://:%zz@h', 'percent'],
  ])('refuses %s', (url, reason) => {
    expect(() => parseRedisUrl(url)).toThrow(reason);
  });
});
