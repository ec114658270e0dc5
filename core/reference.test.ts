import { describe, expect, it } from 'vitest';
import {
  CANONICAL_PATTERN,
  canonicalReference,
  DIGEST_PATTERN,
  familiarReference,
  parseDigest,
  parseReference,
  REFERENCE_PATTERN,
} from './reference.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

function canonical(text: string): string {
  const parts = parseReference(text);
  return typeof parts === 'string' ? parts : canonicalReference(parts);
}

describe('names of images', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['team/app', 'docker.io/team/app:latest'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/team/app:v1', 'docker.io/team/app:v1'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c:latest'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['registry.example/app_x/y.z-1', 'registry.example/app_x/y.z-1:latest'],
    [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
    [`busybox:1@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
    expect(text).toMatch(new RegExp(REFERENCE_PATTERN, 'u'));
    expect(expected).toMatch(new RegExp(CANONICAL_PATTERN, 'u'));
  });

  it.each([
    ['BusyBox', 'must be lower case'],
    ['busybox:', 'is not a tag'],
    ['busybox:a b', 'is not a tag'],
    [`busybox:${'x'.repeat(129)}`, 'is not a tag'],
    ['busybox@sha256:12', 'is not a digest'],
    ['busybox@md5:abc', 'is not a digest'],
    ['', 'is not a repository'],
    ['a//b', 'is not a repository'],
    ['../etc', 'is not a registry'],
    ['busybox:CQ-]]', 'is not a tag'],
    ['registry.example/', 'is not a repository'],
    ['a/'.repeat(130), 'is not a repository'],
  ])('%j is none', (text, problem) => {
    expect(canonical(text)).toContain(problem);
    expect(text).not.toMatch(new RegExp(REFERENCE_PATTERN, 'u'));
  });

  it('a repository has 255 characters at most', () => {
    expect(canonical(`team/${'x'.repeat(250)}`)).toContain(':latest');
    const canonicalOf = (length: number) => `docker.io/team/${'x'.repeat(length)}:latest`;
    const isCanonical = (text: string) => new RegExp(CANONICAL_PATTERN, 'u').test(text);
    expect([canonicalOf(250), canonicalOf(251)].map(isCanonical)).toEqual([true, false]);
    expect(canonical(`team/${'x'.repeat(251)}`)).toBe("a repository's name has at most 255 characters");
  });

  it.each([
    ['docker.io/library/busybox:latest', 'busybox:latest'],
    ['docker.io/team/app:v1', 'team/app:v1'],
    ['localhost:5000/app:v1', 'localhost:5000/app:v1'],
    [`docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
  ])('people know %s as %s', (text, familiar) => {
    const parts = parseReference(text);
    if (typeof parts === 'string') throw new TypeError(parts);
    expect(familiarReference(canonicalReference(parts))).toBe(familiar);
  });

  it('a digest is SHA-256 in lower case', () => {
    expect(parseDigest(DIGEST)).toBe(DIGEST);
    for (const bad of [DIGEST.toUpperCase(), DIGEST.slice(0, -1), `${DIGEST}0`, `sha512:${'0a'.repeat(64)}`]) {
      expect(parseDigest(bad)).toBeUndefined();
      expect(bad).not.toMatch(new RegExp(DIGEST_PATTERN, 'u'));
    }
  });
});
