import { describe, expect, it } from 'vitest';
import {
  matchesAny,
  parseByteSize,
  parseImageStore,
  parseMirrors,
  parseNames,
  parsePlatform,
  parseRoles,
} from './registry-values.ts';

describe('settings of images and registries', () => {
  it('an image store is a folder on a datastore', () => {
    expect(parseImageStore('[ds 1] /a/b/')).toEqual({ datastore: 'ds 1', root: 'a/b' });
    expect(parseImageStore('[ds]')).toEqual({ datastore: 'ds', root: '' });
    for (const bad of ['ds', '[] x', '[ds] ../x', '[ds] a//b']) expect(() => parseImageStore(bad)).toThrow(RangeError);
  });

  it('a platform has two or three parts', () => {
    expect(parsePlatform('linux/AMD64')).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(parsePlatform('linux/arm/v7')).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' });
    for (const bad of ['linux', 'a/b/c/d', '/amd64']) expect(() => parsePlatform(bad)).toThrow(RangeError);
  });

  it('mirrors are listed by registry, in order', () => {
    const mirrors = parseMirrors('Docker.io=http://a:1, https://b/x ; quay.io=https://c');
    expect([...mirrors].map(([registry, urls]) => [registry, urls.map(String)])).toEqual([
      ['docker.io', ['http://a:1/', 'https://b/x']],
      ['quay.io', ['https://c/']],
    ]);
    expect(parseMirrors('').size).toBe(0);
    for (const bad of ['docker.io', 'docker.io=ftp://x', 'a=http://x;a=http://y', 'a=http://u:p@x', 'a=http://x?y'])
      expect(() => parseMirrors(bad)).toThrow(RangeError);
  });

  it('names may have stars', () => {
    const names = parseNames('*.example.com, reg:5000');
    expect(matchesAny(names, 'A.Example.com')).toBe(true);
    expect(matchesAny(names, 'reg:5000')).toBe(true);
    expect(matchesAny(names, 'regx5000')).toBe(false);
    expect(matchesAny(names, 'example.com')).toBe(false);
    expect(() => parseNames('http://x')).toThrow(RangeError);
  });

  it('roles are listed by subject', () => {
    expect(parseRoles('alice=admin; ci-*=operator')).toEqual([
      { subject: 'alice', role: 'admin' },
      { subject: 'ci-*', role: 'operator' },
    ]);
    for (const bad of ['alice', 'alice=root', '=admin']) expect(() => parseRoles(bad)).toThrow(RangeError);
  });

  it.each([
    ['20GB', 20e9],
    ['512MiB', 512 * 2 ** 20],
    ['1.5k', 1_500],
    ['1000', 1_000],
  ])('%s is a size', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', '0', '-1', '10XB', 'GB', '1e9', '9223372036854775808'])('%j is none', (text) => {
    expect(() => parseByteSize(text)).toThrow(RangeError);
  });
});
