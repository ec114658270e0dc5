import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

// What scripts/bootstrap does when something is missing, with a PATH that has only some programs. Installing itself is tested
// by every build on a new machine (.ci/run).

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'stowage-bootstrap-'));
const bin = join(scratch, 'bin');
const TOOLS = ['sh', 'awk', 'dirname', 'flock', 'mkdir', 'rm', 'ln', 'sed', 'tr', 'uname'];

function provide(name: string, script?: string): void {
  const path = join(bin, name);
  if (script !== undefined) {
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return;
  }
  const found = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((each) => existsSync(each));
  if (found !== undefined) symlinkSync(found, path);
}

function bootstrap(purpose: string, env: NodeJS.ProcessEnv = {}) {
  const result = spawnSync('/bin/sh', [join(root, 'scripts/bootstrap'), purpose], {
    env: { PATH: bin, HOME: scratch, ...env },
    encoding: 'utf8',
  });
  return { status: result.status, said: result.stderr.trim() };
}

beforeEach(() => {
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
  for (const tool of TOOLS) provide(tool);
  symlinkSync(process.execPath, join(bin, 'node'));
  provide('npm', 'exit 1');
  provide('id', 'echo 1000');
  provide('apt-get', 'exit 1');
  provide('redis-server', 'exit 0');
  provide('xmllint', 'exit 0');
  provide('go', 'echo go1.99.0');
});

afterAll(() => rmSync(scratch, { recursive: true }));

describe('scripts/bootstrap', () => {
  test('is silent and quick when everything is there', () => {
    const timeOf = (run: () => unknown): number => {
      const startedAtMs = performance.now();
      run();
      return performance.now() - startedAtMs;
    };
    // What it does is mostly to start Node.js twice: how long that takes here and now is the measure.
    const startNode = (): unknown => spawnSync(process.execPath, ['-p', '1']);
    const before = timeOf(startNode);
    const tookMs = timeOf(() => expect(bootstrap('test')).toEqual({ status: 0, said: '' }));
    expect(tookMs).toBeLessThan(Math.max(2_000, 10 * Math.max(before, timeOf(startNode))));
  });

  test('tells a user who is not root the exact command for what is missing', () => {
    rmSync(join(bin, 'redis-server'));
    rmSync(join(bin, 'xmllint'));
    expect(bootstrap('test')).toEqual({
      status: 1,
      said: 'bootstrap: these packages are missing. Run:  sudo apt-get update && sudo apt-get install -y redis-server libxml2-utils',
    });
    expect(bootstrap('run').said).toMatch(/install -y redis-server$/);
  });

  test('takes Valkey for Redis, and wants neither nor Go where both services are given', () => {
    rmSync(join(bin, 'redis-server'));
    provide('valkey-server', 'exit 0');
    expect(bootstrap('run').status).toBe(0);
    rmSync(join(bin, 'valkey-server'));
    rmSync(join(bin, 'go'));
    expect(bootstrap('run', { REDIS_URL: 'redis://there', VCENTER_URL: 'https://there' })).toEqual({
      status: 0,
      said: '',
    });
  });

  test('names what is missing where there is no apt-get', () => {
    rmSync(join(bin, 'apt-get'));
    rmSync(join(bin, 'redis-server'));
    expect(bootstrap('run').said).toBe(
      'bootstrap: these are missing and there is no apt-get to install them with: redis-server',
    );
  });

  test('says so when there is no Node.js or npm to begin with', () => {
    rmSync(join(bin, 'npm'));
    expect(bootstrap('check')).toMatchObject({
      status: 1,
      said: expect.stringContaining('Node.js (18 or newer) and npm'),
    });
  });
});
