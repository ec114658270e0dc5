import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes } from '../platform/clock.ts';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { type Child, startChild } from './child.ts';
import type { Credentials } from './images/push.ts';
import { claimPort } from './ports.ts';
import { findProgram } from './programs.ts';
import { baseUrl } from './ready.ts';
import { keepSecret } from './secret-file.ts';
import type { TokenServer } from './token-server.ts';

/** Debian's `docker-registry`: the real one. */
export interface LabRegistry {
  /** `http://127.0.0.1:5000`. Stays the same over restarts. */
  readonly url: string;
  /** As it stands in the name of an image: `127.0.0.1:5000`. */
  readonly host: string;
  readonly pid: number | undefined;
  /**
   * Changes the bytes that it serves for a blob, or removes them, behind its back.
   *
   * @throws when it has no such blob
   */
  tamper(digest: string, change: (bytes: Buffer) => Uint8Array | undefined): void;
  stop(): Promise<void>;
  /** Kills it; it stays dead until `restart()`. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

export type RegistryAuth =
  | { readonly mode: 'none' }
  | { readonly mode: 'htpasswd'; readonly users: readonly Credentials[] }
  | { readonly mode: 'token'; readonly server: Pick<TokenServer, 'realm' | 'service' | 'issuer' | 'certificateFile'> };

export interface RegistrySettings {
  /** Its images, configuration and log. Two registries never share one. */
  readonly dir: string;
  readonly logger: Logger;
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: ListenAddress;
  /** Default: none. */
  readonly auth?: RegistryAuth;
  /** Start it again when it dies. */
  readonly isRestarted?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

const REALM = 'lab-registry';
const POLL_MS = 25;

/** @throws when there is no docker-registry on the PATH, the port is taken, or it does not become ready */
export async function startRegistry(settings: RegistrySettings): Promise<LabRegistry> {
  const { dir, logger, isRestarted = false, env = process.env } = settings;
  const command = findProgram(['docker-registry'], { env, install: 'docker-registry' });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const listen = await claimPort(settings.listen ?? { host: '127.0.0.1', port: 0 }, 'STOWAGE_LAB_REGISTRY_LISTEN');
  // JSON is YAML.
  const configPath = join(dir, 'config.yml');
  writeFileSync(configPath, JSON.stringify(await configuration({ ...settings, env, listen }), null, 2), {
    mode: 0o600,
  });
  const child = await startChild({
    name: 'registry',
    command,
    args: ['serve', configPath],
    cwd: dir,
    env: withoutOverrides(env),
    logger,
    pidFile: join(dir, 'registry.pid'),
    logFile: join(dir, 'registry.log'),
    isRestarted,
    ready: (_pid, signal) => waitUntilServing(baseUrl(listen), signal),
    readyDeadlineMs: 60_000,
  });
  return facade(child, { dir, url: baseUrl(listen) });
}

function facade(child: Child, { dir, url }: { readonly dir: string; readonly url: string }): LabRegistry {
  return {
    url,
    host: new URL(url).host,
    get pid() {
      return child.pid;
    },
    tamper(digest, change) {
      const path = blobFile(dir, digest);
      const changed = change(readFileSync(path));
      if (changed === undefined) {
        rmSync(path);
        return;
      }
      // In place of the file, not into it: the registry may be sending it.
      writeFileSync(`${path}.changed`, changed);
      renameSync(`${path}.changed`, path);
    },
    stop: () => child.stop(),
    kill9: () => child.kill9(),
    restart: () => child.restart(),
  };
}

function blobFile(dir: string, digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return join(imagesDir(dir), 'docker', 'registry', 'v2', 'blobs', algorithm, hex.slice(0, 2), hex, 'data');
}

function imagesDir(dir: string): string {
  return join(dir, 'images');
}

type Configured = RegistrySettings & { readonly env: NodeJS.ProcessEnv; readonly listen: ListenAddress };

async function configuration({ dir, listen, auth = { mode: 'none' }, env }: Configured): Promise<object> {
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    // No cache of blobs: what lies in the files is what is served.
    storage: { filesystem: { rootdirectory: imagesDir(dir) }, delete: { enabled: true } },
    http: { addr: formatListen(listen), secret: keepSecret(join(dir, 'http-secret'), randomBytes) },
    // Foreign layers: their addresses are only ever refused.
    validation: { manifests: { urls: { allow: ['^https?://'] } } },
    ...(auth.mode === 'none' ? {} : { auth: await authentication(auth, { dir, env }) }),
  };
}

async function authentication(
  auth: Exclude<RegistryAuth, { mode: 'none' }>,
  { dir, env }: { readonly dir: string; readonly env: NodeJS.ProcessEnv },
): Promise<object> {
  if (auth.mode === 'token') {
    const { realm, service, issuer, certificateFile } = auth.server;
    return { token: { realm, service, issuer, rootcertbundle: certificateFile } };
  }
  const path = join(dir, 'htpasswd');
  const lines = await Promise.all(auth.users.map(async (each) => `${each.user}:${await bcrypt(each.password, env)}\n`));
  writeFileSync(path, lines.join(''), { mode: 0o600 });
  return { htpasswd: { realm: REALM, path } };
}

/** The only hash that the registry takes. Node.js has none, but every Debian's Perl does. */
async function bcrypt(password: string, env: NodeJS.ProcessEnv): Promise<string> {
  const salt = Buffer.from(randomBytes(16)).toString('hex').slice(0, 22);
  const program = `chomp(my $password = <STDIN>); print crypt($password, '$2y$05$${salt}')`;
  const perl = spawn('perl', ['-e', program], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(perl, 'close');
  perl.stdin.end(`${password}\n`);
  const hash = await text(perl.stdout);
  await ended;
  if (!hash.startsWith('$2y$')) throw new Error("Perl's crypt has no bcrypt on this machine");
  return hash;
}

/** `REGISTRY_…` variables would override the configuration. */
function withoutOverrides(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('REGISTRY_')));
}

/** Until it answers at all: where there is authentication it says 401. */
async function waitUntilServing(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const answer = await fetch(`${url}/v2/`, { signal }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.headers.get('docker-distribution-api-version') === 'registry/2.0') return;
    await delay(POLL_MS, undefined, { signal });
  }
}
