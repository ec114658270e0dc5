import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import type { OutputRecord } from '../core/guest.ts';
import { type ContainerId, parseContainerId } from '../core/ids.ts';
import type { Guests } from '../core/ports/guests.ts';
import { buildGo } from '../lab/go.ts';
import { startRedis } from '../lab/redis.ts';
import { systemClock } from '../platform/clock.ts';
import { parseRedisUrl } from '../platform/redis-url.ts';
import { Secret } from '../platform/secret.ts';
import { openGuestRegister } from '../store/guest-places.ts';
import { createGuests } from './client.ts';
import { guestSecretOf } from '../core/guest.ts';
import {
  freePort,
  type GatewayProcess,
  type Probe,
  type ProbeOptions,
  startGateway,
  startProbe,
} from '../test/harness/gateway-processes.ts';

// Gateways as processes, guests as processes (the guest's end of the link, in Go), and a Redis between them.

export const KEY = new Secret('a key of the installation, long enough');
const root = resolve(import.meta.dirname, '..');
const logger = pino({ level: 'silent' });

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
      const place = again ?? { guestPort: await freePort(), facePort: await freePort() };
      const redisEnv = { REDIS_URL: redis.url, STOWAGE_REDIS_PREFIX: 'bed' };
      const gateway = await startGateway(place, { dir, key: KEY, env: { ...redisEnv, ...env } });
      started(gateway.process);
      return gateway;
    },
    probe(id, options) {
      const probe = startProbe(program, id, { secret: guestSecretOf(KEY.reveal(), id), ...options });
      started(probe.process);
      return probe;
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
