import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identify } from './process-identity.ts';

// The supervisor as a program, in a copy of the repository whose api, workers and vCenter are stand-ins: what they do has
// tests of its own, and these are about who starts, restarts and ends whom.

const repository = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'stowage-lab-'));
const root = join(scratch, 'repository');

const SERVICE = `
import { createServer } from 'node:http';
const [host, port] = process.env[process.argv[1].includes('workers') ? 'STOWAGE_WORKER_LISTEN' : 'STOWAGE_REST_LISTEN'].split(':');
createServer((request, response) => response.end(JSON.stringify({ pid: process.pid, env: process.env }))).listen(Number(port), host);
process.on('SIGTERM', () => process.exit(0));
`;

const VCENTER = `package main

import (
	"flag"
	"fmt"
	"net/http"
)

func main() {
	listen := flag.String("listen", "", "")
	flag.String("dir", "", "")
	flag.Parse()
	fmt.Printf("{\\"ready\\":true,\\"url\\":\\"http://%s/sdk\\",\\"lab\\":\\"http://%s/lab/\\"}\\n", *listen, *listen)
	if err := http.ListenAndServe(*listen, nil); err != nil {
		panic(err)
	}
}
`;

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeAll(() => {
  for (const folder of ['lab', 'platform', 'scripts']) {
    cpSync(join(repository, folder), join(root, folder), {
      recursive: true,
      filter: (from) => !from.endsWith('lab/vcenter'),
    });
  }
  write('package.json', '{"type":"module"}');
  write('api/main.ts', SERVICE);
  write('workers/main.ts', SERVICE);
  write('lab/vcenter/go.mod', 'module stand-in\n\ngo 1.25.0\n');
  write('lab/vcenter/main.go', VCENTER);
  write('registry/layerdisk/go.mod', 'module stand-in\n\ngo 1.25.0\n');
  write('registry/layerdisk/main.go', 'package main\n\nfunc main() {}\n');
  write('vsphere/mover/go.mod', 'module stand-in\n\ngo 1.25.0\n');
  write('vsphere/mover/main.go', 'package main\n\nfunc main() {}\n');
  const cache = 'node_modules/.cache/stowage';
  mkdirSync(join(repository, cache, 'images'), { recursive: true });
  mkdirSync(join(root, cache), { recursive: true });
  symlinkSync(join(repository, cache, 'images'), join(root, cache, 'images'));
  for (const name of ['ioredis', 'pino', 'zod', '@opentelemetry']) {
    symlinkSync(join(repository, 'node_modules', name), join(root, 'node_modules', name));
  }
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Copy {
  readonly process: ChildProcess;
  readonly out: () => string;
  readonly errors: () => string;
}

function startCopy(dataDir: string, env: NodeJS.ProcessEnv = {}, args: readonly string[] = []): Copy {
  const { PATH, HOME } = process.env;
  const started = spawn(process.execPath, [join(root, 'lab/main.ts'), ...args], {
    env: {
      PATH,
      HOME,
      STOWAGE_DATA_DIR: dataDir,
      STOWAGE_REST_LISTEN: '127.0.0.1:0',
      STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
      STOWAGE_LAB_LISTEN: '127.0.0.1:0',
      STOWAGE_LAB_REGISTRY_LISTEN: '127.0.0.1:0',
      STOWAGE_LAB_GUESTS: 'off',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let errors = '';
  started.stdout.on('data', (data) => {
    out += data;
  });
  started.stderr.on('data', (data) => {
    errors += data;
  });
  return { process: started, out: () => out, errors: () => errors };
}

async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await delay(50);
  }
}

async function addressOf(copy: Copy): Promise<string> {
  return until(() => {
    if (copy.process.exitCode !== null) throw new Error(`ended: ${copy.errors()}`);
    return /REST API\s+(http:\S+)[\s\S]*Ctrl-C/.exec(copy.out())?.[1];
  });
}

async function report(address: string): Promise<{ pid: number; env: Record<string, string> }> {
  return (await fetch(address)).json() as Promise<{ pid: number; env: Record<string, string> }>;
}

function pidsOf(dataDir: string): number[] {
  const files = ['redis/redis', 'vcenter/vcenter', 'registry/registry', 'logs/api', 'logs/worker-1', 'logs/worker-2'];
  return files.map((file) => Number(readFileSync(join(dataDir, `${file}.pid`), 'utf8').split(' ')[0]));
}

async function endOf(copy: Copy): Promise<number | null> {
  if (copy.process.exitCode === null && copy.process.signalCode === null) await once(copy.process, 'exit');
  return copy.process.exitCode;
}

describe('npm start', { timeout: 300_000 }, () => {
  test('brings everything up, restarts what dies, and leaves nothing behind at SIGTERM', async () => {
    const dataDir = join(scratch, 'one');
    const copy = startCopy(dataDir);
    const address = await addressOf(copy);
    const { pid, env } = await report(address);
    const key = readFileSync(join(dataDir, 'api-key'), 'utf8').trim();
    expect(statSync(join(dataDir, 'api-key')).mode & 0o777).toBe(0o600);
    expect(copy.out()).toContain(key);
    expect(env['STOWAGE_API_KEY_FILE']).toBe(join(dataDir, 'api-key'));
    expect(readFileSync(env['REDIS_URL_FILE'] ?? '', 'utf8')).toMatch(/^redis\+unix:\/\/\//);
    expect(env).toMatchObject({ VCENTER_URL: expect.stringMatching(/^http:/), VCENTER_USER: expect.any(String) });
    expect(env['STOWAGE_VOLUME_STORES']).toContain('default=');
    expect(env['STOWAGE_IMAGE_STORE']).toBe('[shared-1] stowage');
    const registry = /Registry\s+(http:\S+)/.exec(copy.out())?.[1];
    expect(env['STOWAGE_REGISTRY_MIRRORS']).toBe(`docker.io=${registry}`);
    const { repositories } = (await (await fetch(`${registry}/v2/_catalog`)).json()) as { repositories: string[] };
    expect(repositories).toEqual(['library/base', 'library/busybox', 'library/demo', 'library/layers']);

    process.kill(pid, 'SIGKILL');
    expect(await until(async () => (await report(address).catch(() => undefined))?.pid)).not.toBe(pid);
    const pids = await until(() => pidsOf(dataDir).every((each) => identify(each)) && pidsOf(dataDir));
    copy.process.kill('SIGTERM');
    expect(await endOf(copy)).toBe(0);
    expect(pids.filter((each) => identify(each) !== undefined)).toEqual([]);
  });

  test('two copies with their own data directories run side by side; a second one in the same is refused', async () => {
    const [first, second] = [startCopy(join(scratch, 'a')), startCopy(join(scratch, 'b'))];
    expect(await addressOf(first)).not.toBe(await addressOf(second));
    const third = startCopy(join(scratch, 'a'));
    expect(await endOf(third)).toBe(1);
    expect(third.errors()).toMatch(/Another copy \(process \d+\) uses the data directory .*STOWAGE_DATA_DIR/s);
    for (const copy of [first, second]) copy.process.kill('SIGINT');
    expect([await endOf(first), await endOf(second)]).toEqual([0, 0]);
  });

  test('a supervisor that is killed takes its processes with it, and the next one starts in the same directory', async () => {
    const dataDir = join(scratch, 'killed');
    const copy = startCopy(dataDir);
    await addressOf(copy);
    const pids = pidsOf(dataDir);
    copy.process.kill('SIGKILL');
    await endOf(copy);
    await until(() => pids.every((pid) => identify(pid) === undefined));
    const next = startCopy(dataDir, { STOWAGE_API_KEY: 'a-preset-key-of-the-test' });
    const { env } = await report(await addressOf(next));
    expect(env['STOWAGE_API_KEY']).toBe('a-preset-key-of-the-test');
    expect(next.out()).not.toContain('a-preset-key-of-the-test');
    next.process.kill('SIGTERM');
    expect(await endOf(next)).toBe(0);
  });

  test('npm run lab starts Redis, vCenter and registry only and prints their addresses as variables', async () => {
    const copy = startCopy(join(scratch, 'only'), {}, ['--only-lab']);
    const lines = await until(() => /STOWAGE_IMAGE_STORE='.*'\n/.test(copy.out()) && copy.out());
    expect(lines).toMatch(/^REDIS_URL_FILE='.*'$/m);
    expect(lines).toMatch(/^VCENTER_URL='http.*'$/m);
    expect(lines).toMatch(/^STOWAGE_REGISTRY_MIRRORS='docker.io=http.*'$/m);
    copy.process.kill('SIGTERM');
    expect(await endOf(copy)).toBe(0);
  });

  test('a port that is taken is named, with the setting that changes it', async () => {
    const holder = startCopy(join(scratch, 'holder'));
    const port = new URL(await addressOf(holder)).port;
    const copy = startCopy(join(scratch, 'late'), { STOWAGE_REST_LISTEN: `127.0.0.1:${port}` });
    expect(await endOf(copy)).toBe(1);
    expect(copy.errors()).toContain(`127.0.0.1:${port} is taken by another process`);
    expect(copy.errors()).toContain('STOWAGE_REST_LISTEN');
    holder.process.kill('SIGTERM');
    await endOf(holder);
  });
});
