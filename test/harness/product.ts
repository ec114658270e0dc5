import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// The product as `npm start` runs it, on ports that are free.

const ROOT = resolve(import.meta.dirname, '../..');
const READY_MS = 120_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export interface Product {
  readonly rest: string;
  /** For `DOCKER_HOST`. */
  readonly docker: string;
  /** The lab's registry, which has images under Docker Hub's names. */
  readonly registry: string;
  /** Where the lab's controls are, with a slash at its end. */
  readonly lab: string;
  readonly key: string;
  readonly banner: string;
  call(method: string, path: string, body?: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** As Ctrl-C does. Resolves with the exit code. */
  stop(): Promise<number | null>;
}

function valueOf(banner: string, name: string): string {
  return new RegExp(`^  ${name} +(\\S+)`, 'm').exec(banner)?.[1] ?? '';
}

/** @param env beside a data directory: whatever a person would set */
export async function startProduct(dataDir: string, env: Readonly<Record<string, string>> = {}): Promise<Product> {
  const child = spawn(process.execPath, [join(ROOT, 'lab/main.ts')], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      STOWAGE_DATA_DIR: dataDir,
      STOWAGE_REST_LISTEN: '127.0.0.1:0',
      STOWAGE_DOCKER_LISTEN: '127.0.0.1:0',
      STOWAGE_LAB_LISTEN: '127.0.0.1:0',
      STOWAGE_LAB_REGISTRY_LISTEN: '127.0.0.1:0',
      STOWAGE_LOCK_MS: '1000',
      STOWAGE_LAB_GUESTS: 'off',
      STOWAGE_GATEWAY_LISTEN: '127.0.0.1:0',
      STOWAGE_GATEWAY_FACE_LISTEN: '127.0.0.1:0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const banner = await bannerOf(child, exited);
  const rest = valueOf(banner, 'REST API');
  const key = env['STOWAGE_API_KEY'] ?? (await readFile(join(dataDir, 'api-key'), 'utf8')).trim();
  return {
    rest,
    docker: valueOf(banner, 'Docker'),
    registry: valueOf(banner, 'Registry'),
    lab: valueOf(banner, 'Lab'),
    key,
    banner,
    async call(method, path, body, headers = {}) {
      const response = await fetch(`${rest}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') ?? false;
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? (JSON.parse(text) as unknown) : text,
      };
    },
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function bannerOf(child: ChildProcess, exited: Promise<number | null>): Promise<string> {
  let out = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  let code: number | null | undefined;
  void exited.then((ended) => (code = ended));
  const endAt = performance.now() + READY_MS;
  while (performance.now() < endAt) {
    if (out.includes('Ctrl-C stops everything')) return out;
    if (code !== undefined) throw new Error(`the product ended with ${code}: ${errors}`);
    await sleep(50);
  }
  child.kill('SIGKILL');
  throw new Error(`the product is not ready: ${errors}`);
}
