import { expect, test } from 'vitest';
import { readRegistryAuth } from './registry-auth.ts';

const read = (value: unknown, encoding: BufferEncoding = 'base64url') =>
  readRegistryAuth({ 'x-registry-auth': Buffer.from(JSON.stringify(value)).toString(encoding) });

test('credentials are read in each of the forms that clients send', () => {
  const pair = { type: 'password', username: 'me', password: 'p:w' };
  expect(read({ username: 'me', password: 'p:w', serveraddress: 'registry.test' })).toEqual(pair);
  expect(read({ username: 'me', password: 'p:w' }, 'base64')).toEqual(pair);
  expect(read({ auth: Buffer.from('me:p:w').toString('base64') })).toEqual(pair);
  expect(read({ identitytoken: 'id' })).toEqual({ type: 'identity-token', token: 'id' });
  expect(read({ registrytoken: 'bearer' })).toEqual({ type: 'registry-token', token: 'bearer' });
});

test('none are none', () => {
  expect(readRegistryAuth({})).toBeUndefined();
  expect(readRegistryAuth({ 'x-registry-auth': 'e30=' })).toBeUndefined();
  expect(read({ username: '', password: '' })).toBeUndefined();
});

test('what is no AuthConfig is refused, and nothing of it is repeated', () => {
  for (const bad of [
    '!!!',
    Buffer.from('secret-text').toString('base64'),
    Buffer.from('"secret-text"').toString('base64'),
  ]) {
    const reading = () => readRegistryAuth({ 'x-registry-auth': bad });
    expect(reading).toThrow('invalid X-Registry-Auth header');
    expect(reading).not.toThrow('secret');
  }
});
