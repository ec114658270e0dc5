import { expect, test } from 'vitest';
import { parseChallenges } from './challenge.ts';

const read = (header: string | string[]): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('one challenge, with quoted commas and escapes', () => {
  const scope = 'repository:a/b:pull,push';
  expect(
    read(`Bearer realm="https://auth.test/token",service="a \\"b\\"", scope="${scope}" , error=invalid_token`),
  ).toEqual([['bearer', { realm: 'https://auth.test/token', service: 'a "b"', scope, error: 'invalid_token' }]]);
});

test('several challenges, in one header and in several', () => {
  const expected = [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
    ['bearer', { realm: 'y' }],
  ];
  expect(read('Negotiate, Basic realm="x", BEARER Realm = "y"')).toEqual(expected);
  expect(read(['Negotiate dG9rZW4=', 'Basic realm=x', 'Bearer realm="y"'])).toEqual(expected);
});

test('what cannot be read ends the list', () => {
  expect(read('Basic realm="x", Bearer realm="y')).toEqual([
    ['basic', { realm: 'x' }],
    ['bearer', {}],
  ]);
  expect(parseChallenges(undefined)).toEqual([]);
  expect(read('"')).toEqual([]);
});
