import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';

// What scripts/bootstrap does when something is missing, with a PATH that has only some programs. Installing itself is tested
// by every build on a new machine (.ci/run).

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'stowage-bootstrap-'));
const bin = join(scratch, 'bin');
const PROGRAMS = [
  'redis-server',
  'docker-registry',
  'docker',
  'mkfs.ext4',
  'openssl',
  'skopeo',
  'xmllint',
  'promtool',
  'qemu-system-x86_64',
  'chromium',
  'python3',
];
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
  for (const program of PROGRAMS) provide(program, 'exit 0');
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

  test('takes Valkey for Redis, and wants neither it nor a registry where both services are given', () => {
    rmSync(join(bin, 'redis-server'));
    provide('valkey-server', 'exit 0');
    expect(bootstrap('run').status).toBe(0);
    rmSync(join(bin, 'valkey-server'));
    rmSync(join(bin, 'docker-registry'));
    expect(bootstrap('run', { REDIS_URL: 'redis://there', VCENTER_URL: 'https://there' })).toEqual({
      status: 0,
      said: '',
    });
    expect(bootstrap('run').said).toMatch(/install -y redis-server docker-registry$/);
  });

  test('wants QEMU for the machines of containers, unless they are not to run', () => {
    rmSync(join(bin, 'qemu-system-x86_64'));
    expect(bootstrap('run').said).toMatch(/install -y qemu-system-x86$/);
    expect(bootstrap('test').said).toMatch(/install -y qemu-system-x86$/);
    expect(bootstrap('run', { STOWAGE_LAB_GUESTS: 'off' }).status).toBe(0);
    expect(bootstrap('run', { VCENTER_URL: 'https://there' }).status).toBe(0);
  });

  test('wants a Go that is new enough for every module', () => {
    const modules = join(scratch, 'modules');
    // One that no other Go of this machine satisfies.
    mkdirSync(join(modules, 'registry/layerdisk'), { recursive: true });
    mkdirSync(join(modules, 'lab/vcenter'), { recursive: true });
    mkdirSync(join(modules, 'scripts'));
    writeFileSync(join(modules, 'registry/layerdisk/go.mod'), 'module one\n\ngo 9.10.1\n');
    writeFileSync(join(modules, 'lab/vcenter/go.mod'), 'module other\n\ngo 9.9.0\n');
    cpSync(join(root, 'scripts/find-go'), join(modules, 'scripts/find-go'));
    const findGo = (...args: string[]) =>
      spawnSync('/bin/sh', [join(modules, 'scripts/find-go'), ...args], { env: { PATH: bin }, encoding: 'utf8' });
    provide('go', 'echo go9.10.1');
    expect(findGo('--want').stdout).toBe('9.10.1\n');
    expect(findGo().stdout).toBe(`${join(bin, 'go')}\n`);
    rmSync(join(bin, 'go'));
    expect(findGo().status).toBe(1);
  });

  test('the tests want a docker CLI, peers, checkers and a browser; running does not', () => {
    for (const program of ['docker', 'openssl', 'skopeo', 'docker-registry', 'chromium']) rmSync(join(bin, program));
    expect(bootstrap('run').said).toMatch(/install -y docker-registry$/);
    expect(bootstrap('test').said).toMatch(/install -y docker-registry docker.io openssl skopeo chromium$/);
  });

  test('the tests want a Python that can make an environment; running does not', () => {
    provide('python3', 'exit 1');
    expect(bootstrap('run')).toEqual({ status: 0, said: '' });
    expect(bootstrap('test').said).toMatch(/install -y python3-venv$/);
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
