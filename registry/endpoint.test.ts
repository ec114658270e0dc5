import { expect, test } from 'vitest';
import { endpointsOf, ownEndpoint, registryName } from './endpoint.ts';

test('Docker Hub has another host, and its own key in auth files', () => {
  expect(ownEndpoint('docker.io', [])).toMatchObject({
    bases: [new URL('https://registry-1.docker.io/v2/')],
    isInsecure: false,
  });
  expect(ownEndpoint('docker.io', []).authKeys[0]).toBe('https://index.docker.io/v1/');
  expect(registryName('https://index.docker.io/v1/')).toBe('docker.io');
  expect(registryName('http://registry.test:5000')).toBe('registry.test:5000');
});

test('only insecure registries and loopback addresses are ever asked by plain HTTP', () => {
  const schemes = (host: string): readonly string[] =>
    ownEndpoint(host, ['*.lab']).bases.map(({ protocol }) => protocol);
  expect(schemes('registry.test')).toEqual(['https:']);
  expect(schemes('127.evil.test')).toEqual(['https:']);
  for (const host of ['a.lab', 'localhost:5000', '127.1.2.3', '[::1]:5000']) {
    expect(schemes(host)).toEqual(['https:', 'http:']);
  }
});

test('mirrors come first, and the registry last', () => {
  const mirrors = new Map([['docker.io', [new URL('https://a.test/x/'), new URL('https://b.test/v2/proxy')]]]);
  expect(endpointsOf('docker.io', { mirrors, insecure: [] }).map(({ bases: [base] }) => base.href)).toEqual([
    'https://a.test/x/v2/',
    'https://b.test/v2/proxy/',
    'https://registry-1.docker.io/v2/',
  ]);
});
