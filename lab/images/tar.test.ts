import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { directory, file, hardlink, opaque, symlink, type TarEntry, tarHeader, whiteout, writeTar } from './tar.ts';

// GNU tar is the judge.

const scratch = mkdtempSync(join(tmpdir(), 'stowage-tar-'));

afterAll(() => rmSync(scratch, { recursive: true }));

function write(entries: readonly TarEntry[]): string {
  const path = join(scratch, 'some.tar');
  writeFileSync(path, writeTar(entries));
  return path;
}

function list(entries: readonly TarEntry[]): readonly string[] {
  const args = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--quoting-style=literal', '-tvvf'];
  const env = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  return execFileSync('tar', [...args, write(entries)], { encoding: 'utf8', env })
    .trimEnd()
    .split('\n');
}

describe('a tar', () => {
  test('holds every type, mode, owner and time', () => {
    const lines = list([
      directory('dir', { mode: 0o1777 }),
      file('dir/setuid', 'abc', { mode: 0o4755, uid: 3_000_000, gid: 4_000_000_000, mtimeS: 0 }),
      hardlink('dir/hard', 'dir/setuid'),
      symlink('dir/soft', '../elsewhere'),
      { type: 'character', path: 'dev', mode: 0o666, major: 1, minor: 3 },
      { type: 'block', path: 'disk', mode: 0o660, major: 7, minor: 300 },
      { type: 'fifo', path: 'pipe', mode: 0o600 },
    ]);
    expect(lines.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'drwxrwxrwt 0/0 0 2026-01-01 00:00 dir/',
      '-rwsr-xr-x 3000000/4000000000 3 1970-01-01 00:00 dir/setuid',
      'hrw-r--r-- 0/0 0 2026-01-01 00:00 dir/hard link to dir/setuid',
      'lrwxrwxrwx 0/0 0 2026-01-01 00:00 dir/soft -> ../elsewhere',
      'crw-rw-rw- 0/0 1,3 2026-01-01 00:00 dev',
      'brw-rw---- 0/0 7,300 2026-01-01 00:00 disk',
      'prw------- 0/0 0 2026-01-01 00:00 pipe',
    ]);
  });

  test('holds names of any length and any letters, in both ways of writing them', () => {
    const long = `${'deep/'.repeat(60)}${'n'.repeat(250)}`;
    const entries = [
      file(long, 'pax'),
      file(`g${long}`, 'gnu', { longNames: 'gnu' }),
      symlink('s', long),
      file('ä ☃', ''),
    ];
    expect(list(entries).map((line) => line.split('00:00 ')[1])).toEqual([long, `g${long}`, `s -> ${long}`, 'ä ☃']);
  });

  test('holds extended attributes with any bytes', () => {
    const lines = list([
      file('some', 'a', { xattrs: { 'user.b': Buffer.from([0, 255, 10]), 'user.a': Buffer.from('=') } }),
    ]);
    expect(lines.slice(1)).toEqual(['  x: 1 user.a', '  x: 3 user.b']);
  });

  test('holds a sparse file by its data only', () => {
    const sizeBytes = 256 * 1024 * 1024;
    const extents = [
      { offsetBytes: 1024 * 1024, content: Buffer.alloc(512, 'data') },
      { offsetBytes: sizeBytes - 4, content: Buffer.from('tail') },
    ];
    const path = write([{ type: 'sparse', path: 'sparse', mode: 0o644, sizeBytes, extents }]);
    expect(statSync(path).size).toBeLessThan(10_000);
    execFileSync('tar', ['-C', scratch, '-xf', path]);
    const found = readFileSync(join(scratch, 'sparse'));
    expect(found.length).toBe(sizeBytes);
    expect(found.subarray(1024 * 1024, 1024 * 1024 + 8).toString()).toBe('datadata');
    expect(found.subarray(-8)).toEqual(Buffer.from('\0\0\0\0tail'));
  });

  test('refuses data that GNU tar would look for elsewhere', () => {
    const extents = [0, 1024].map((offsetBytes) => ({ offsetBytes, content: Buffer.from('short') }));
    expect(() => writeTar([{ type: 'sparse', path: 'sparse', mode: 0o644, sizeBytes: 4096, extents }])).toThrow(
      RangeError,
    );
  });

  test('says sizes that octal digits cannot', () => {
    const header = tarHeader(file('huge', ''), 10 * 1024 ** 3);
    expect(header.includes('size=10737418240\n')).toBe(true);
  });

  test('marks what a layer removes', () => {
    expect(whiteout('some/file').path).toBe('some/.wh.file');
    expect(whiteout('file').path).toBe('.wh.file');
    expect(opaque('some').path).toBe('some/.wh..wh..opq');
  });
});
