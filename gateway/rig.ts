import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import type { OutputRecord } from '../core/guest.ts';
import { type ContainerId, parseContainerId } from '../core/ids.ts';
import type { Guests } from '../core/ports/guests.ts';
import { buildGo } from '../lab/go.ts';
import { waitUntilReady } from '../lab/ready.ts';
import { startRedis } from '../lab/redis.ts';
import { systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { Secret } from '../platform/secret.ts';
import { openGuestRegister } from '../store/guest-places.ts';
import { createGuests } from './client.ts';
import { guestSecretOf } from '../core/guest.ts';

// Gateways as processes, guests as processes (the guest's end of the link, in Go), and a Redis between them.

export const KEY = new Secret('a key of the installation, long enough');
const root = resolve(import.meta.dirname, '..');
const logger = pino({ level: 'silent' });

export interface ProbeOptions {
  readonly boot?: string;
  readonly run?: string;
  readonly bytes?: number;
  readonly exit?: number;
  readonly secret?: string;
  /** Of the gateways, dialled in turn. */
  readonly ports: readonly number[];
}

export interface Probe {
  readonly process: ChildProcess;
  emit(bytes: number): void;
  exit(code: number): void;
  /** Its line ends; it dials the next gateway. */
  hangUp(): void;
}

export interface GatewayProcess {
  readonly process: ChildProcess;
  readonly guestPort: number;
  readonly facePort: number;
  kill(): Promise<void>;
}

export interface GatewayBed {
  readonly dir: string;
  readonly guests: Guests;
  readonly register: ReturnType<typeof openGuestRegister>;
  /** Resolves when it is ready. @param again has the ports and the directory of one that was killed */
  gateway(again?: GatewayProcess, env?: Readonly<Record<string, string>>): Promise<GatewayProcess>;
  probe(container: ContainerId, options: ProbeOptions): Probe;
  close(): Promise<void>;
}

let containers = 0;
/** Another one each time. */
export function container(): ContainerId {
  containers += 1;
  const id = parseContainerId(createHash('sha256').update(`${process.pid}:${containers}:${Date.now()}`).digest('hex'));
  if (id === undefined) throw new TypeError('no id');
  return id;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export async function openGatewayBed(): Promise<GatewayBed> {
  const dir = mkdtempSync(join(tmpdir(), 'stowage-gateway-'));
  const program = await buildGo({ root, module: 'guest', program: 'link/probe', env: process.env, logger });
  const redis = await startRedis({ dir: join(dir, 'redis'), logger, env: process.env });
  const address = parseRedisUrl(redis.url);
  const register = openGuestRegister({ address, prefix: 'bed', process: 'test', logger, nowMs: () => Date.now() });
  const guests = createGuests({ places: register, key: KEY, clock: systemClock });
  const children = new Set<ChildProcess>();
  const started = (child: ChildProcess): ChildProcess => {
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  return {
    dir,
    guests,
    register,
    async gateway(again, env = {}) {
      const guestPort = again?.guestPort ?? (await freePort());
      const facePort = again?.facePort ?? (await freePort());
      const child = started(
        spawn(process.execPath, [join(root, 'gateway/main.ts')], {
          stdio: ['ignore', 'ignore', 'inherit'],
          env: {
            PATH: process.env['PATH'],
            HOME: dir,
            REDIS_URL: redis.url,
            STOWAGE_REDIS_PREFIX: 'bed',
            STOWAGE_GATEWAY_KEY: KEY.reveal(),
            STOWAGE_GATEWAY_LISTEN: `127.0.0.1:${guestPort}`,
            STOWAGE_GATEWAY_FACE_LISTEN: `127.0.0.1:${facePort}`,
            STOWAGE_GATEWAY_DIR: join(dir, 'logs'),
            STOWAGE_LOG_LEVEL: 'fatal',
            ...env,
          },
        }),
      );
      await waitUntilReady({ host: '127.0.0.1', port: facePort }, AbortSignal.timeout(60_000), {
        afterMs: 60_000,
        tell: () => undefined,
      });
      return {
        process: child,
        guestPort,
        facePort,
        async kill() {
          child.kill('SIGKILL');
          await once(child, 'exit');
        },
      };
    },
    probe(id, { boot = 'boot-1', run = 'run-1', bytes = 0, exit, ports, secret = guestSecretOf(KEY.reveal(), id) }) {
      const child = started(
        spawn(program, {
          stdio: ['pipe', 'inherit', 'ignore'],
          env: {
            PROBE_GATEWAY: ports.map((port) => `127.0.0.1:${port}`).join(','),
            PROBE_CONTAINER: id,
            PROBE_BOOT: boot,
            PROBE_RUN: run,
            PROBE_SECRET: secret,
            PROBE_BYTES: String(bytes),
            ...(exit === undefined ? {} : { PROBE_EXIT: String(exit) }),
          },
        }),
      );
      child.stdin?.on('error', () => undefined);
      return {
        process: child,
        emit: (more) => void child.stdin?.write(`emit ${more}\n`),
        exit: (code) => void child.stdin?.write(`exit ${code}\n`),
        hangUp: () => void child.stdin?.write('hang-up\n'),
      };
    },
    async close() {
      guests.close();
      for (const child of children) child.kill('SIGKILL');
      await Promise.all([...children].map((child) => once(child, 'exit')));
      register.close();
      await redis.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** What a probe writes: numbers from 0 on, ten bytes a line. */
export function linesOf(bytes: number, from = 0): Buffer {
  const lines: string[] = [];
  for (let at = Math.floor(from / 10); at * 10 < from + bytes; at += 1) lines.push(`${String(at).padStart(9, '0')}\n`);
  const text = Buffer.from(lines.join(''));
  return text.subarray(from % 10, (from % 10) + bytes);
}

export async function textOf(records: AsyncIterable<OutputRecord>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const record of records) parts.push(record.bytes);
  return Buffer.concat(parts);
}

/** What is in the pieces of a stream. */
export function payloadOf(pieces: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < pieces.length; ) {
    const end = at + 8 + pieces.readUInt32BE(at + 4);
    if (pieces[at] === 1) parts.push(pieces.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(parts);
}
