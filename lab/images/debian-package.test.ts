import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { fetchPackage } from './debian-package.ts';

// With an apt-get of our own on the PATH; the real one is behind the images of the other tests.

const scratch = mkdtempSync(join(tmpdir(), 'stowage-package-'));
const dir = join(scratch, 'packages');
const calls = join(scratch, 'calls');

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
  rmSync(calls, { force: true });
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** @param script sees its arguments, and runs in the directory that is to receive the package */
function provideApt(script: string): void {
  const bin = join(scratch, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'apt-get'), `#!/bin/sh\necho "$*" >>'${calls}'\n${script}\n`);
  chmodSync(join(bin, 'apt-get'), 0o755);
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
}

describe('a Debian package', () => {
  test('is downloaded once', async () => {
    provideApt('echo package >thing_1%3a2-3_all.deb');
    const path = await fetchPackage('thing', dir);
    expect(readFileSync(path, 'utf8')).toBe('package\n');
    expect(await fetchPackage('thing', dir)).toBe(path);
    expect(readFileSync(calls, 'utf8')).toBe('-qq download thing\n');
    expect(readdirSync(dir)).toEqual(['thing_1%3a2-3_all.deb']);
  });

  test('is found with package lists of our own where the machine has none or old ones', async () => {
    provideApt('case "$*" in "-qq download thing") exit 100 ;; *download*) echo package >thing_2_all.deb ;; esac');
    expect(await fetchPackage('thing', dir)).toBe(join(dir, 'thing_2_all.deb'));
    expect(readFileSync(calls, 'utf8')).toMatch(
      /^-qq download thing\n-qq -o Dir::State::Lists=\S+ .* update\n-qq -o .* download thing\n$/,
    );
    expect(readdirSync(dir)).toEqual(['thing_2_all.deb']);
  });

  test('that cannot be had is named, with what apt-get says, and nothing is left behind', async () => {
    provideApt('echo "E: Unable to locate package" >&2; exit 100');
    await expect(fetchPackage('thing', dir)).rejects.toThrow(
      /package thing, .* cannot be downloaded:\nE: Unable to locate/,
    );
    expect(readdirSync(dir)).toEqual([]);
  });

  test('needs apt', async () => {
    vi.stubEnv('PATH', '/nowhere');
    await expect(fetchPackage('thing', dir)).rejects.toThrow('the Debian package thing, and there is no apt-get');
  });
});
