import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { randomBytes } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { type Child, startChild } from './child.ts';
import { findProgram } from './programs.ts';
import { keepSecret } from './secret-file.ts';

export interface LabRedis {
  /** For `REDIS_URL`; holds the password. Stays the same over restarts. */
  readonly url: string;
  readonly password: string;
  readonly socketPath: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
  /** Kills it; it stays dead until `restart()`. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

export interface RedisSettings {
  /** Its data, password, configuration and log. Two servers never share one. */
  readonly dir: string;
  readonly logger: Logger;
  /** Start it again when it dies. */
  readonly isRestarted?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

const SERVERS = ['redis-server', 'valkey-server'] as const;
/** `sun_path` has 108 bytes, the last of which is a zero; 104 on macOS and the BSDs. */
const LONGEST_SOCKET_PATH = 103;

/**
 * A private Redis or Valkey on a unix socket, with a password, an append-only file and no eviction.
 *
 * @throws when there is no server on the PATH, or the one that answers is not the one that was started
 */
export async function startRedis(settings: RedisSettings): Promise<LabRedis> {
  const { dir, logger, isRestarted = false, env = process.env } = settings;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const password = keepSecret(join(dir, 'password'), randomBytes);
  const socketPath = socketPathFor(dir);
  const configPath = join(dir, 'redis.conf');
  // In a file, because everybody can read the arguments of a process.
  writeFileSync(configPath, configuration({ dir, socketPath, password }), { mode: 0o600 });
  const child = await startChild({
    name: 'redis',
    command: findProgram(SERVERS, { env, install: 'redis-server' }),
    args: [configPath],
    cwd: dir,
    env,
    logger,
    pidFile: join(dir, 'redis.pid'),
    logFile: join(dir, 'redis.log'),
    isRestarted,
    ready: (pid, signal) => verify({ pid, dir, socketPath, password, signal }),
    readyDeadlineMs: 60_000,
  });
  return facade(child, { password, socketPath });
}

function facade(child: Child, { password, socketPath }: { password: string; socketPath: string }): LabRedis {
  return {
    url: `redis+unix://${socketPath.split('/').map(encodeURIComponent).join('/')}?password=${encodeURIComponent(password)}`,
    password,
    socketPath,
    get pid() {
      return child.pid;
    },
    stop: () => child.stop(),
    kill9: () => child.kill9(),
    restart: () => child.restart(),
  };
}

function configuration({ dir, socketPath, password }: { dir: string; socketPath: string; password: string }): string {
  return [
    'port 0',
    `unixsocket ${quoted(socketPath)}`,
    'unixsocketperm 700',
    `requirepass ${quoted(password)}`,
    `dir ${quoted(dir)}`,
    'appendonly yes',
    'appendfsync everysec',
    'maxmemory-policy noeviction',
    // A job's hash stays one compact block: less memory, less work.
    'hash-max-listpack-value 2048',
    'save ""',
    'daemonize no',
    'supervised no',
    '',
  ].join('\n');
}

/** redis.conf has the escapes of C in double quotes. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** A unix socket's path is short by its type; a data directory's may be long. */
function socketPathFor(dir: string): string {
  const inDir = join(dir, 'redis.sock');
  if (Buffer.byteLength(inDir) <= LONGEST_SOCKET_PATH) return inDir;
  const name = `stowage-${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`;
  const root = [tmpdir(), '/tmp'].find(
    (each) => Buffer.byteLength(join(each, name, 'redis.sock')) <= LONGEST_SOCKET_PATH,
  );
  if (root === undefined)
    throw new Error(`no directory for a unix socket has a short enough path (tried ${tmpdir()} and /tmp)`);
  const short = join(root, name);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const owner = lstatSync(short);
  // Everybody may write to the directory above it: it may be somebody else's, or a link.
  if (!owner.isDirectory() || owner.uid !== process.getuid?.()) throw new Error(`${short} belongs to somebody else`);
  return join(short, 'redis.sock');
}

interface Verification {
  readonly pid: number;
  readonly dir: string;
  readonly socketPath: string;
  readonly password: string;
  readonly signal: AbortSignal;
}

/** Waits until the server has loaded its data, and makes sure that it is the one just started, in its directory. */
async function verify({ pid, dir, socketPath, password, signal }: Verification): Promise<void> {
  const redis = new Redis({
    path: socketPath,
    password,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => undefined);
  try {
    while (!(await answers(redis))) await delay(25, undefined, { signal });
    const [, directory] = z.tuple([z.literal('dir'), z.string()]).parse(await redis.config('GET', 'dir'));
    if (directory !== realpathSync(dir)) throw new Error(`the server on ${socketPath} has another data directory`);
    const info = await redis.info('server');
    if (!info.split('\r\n').includes(`process_id:${pid}`)) throw new Error(`another server answers on ${socketPath}`);
  } finally {
    redis.disconnect();
  }
}

async function answers(redis: Redis): Promise<boolean> {
  try {
    if (redis.status === 'wait' || redis.status === 'end') await redis.connect();
    return (await redis.ping()) === 'PONG';
  } catch {
    return false;
  }
}
