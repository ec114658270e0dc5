import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import type { ContainerId } from '../../core/ids.ts';
import { waitUntilReady } from '../../lab/ready.ts';
import type { Secret } from '../../platform/secret.ts';

// Processes for tests: a gateway, and the guest's end of the link in Go.

const root = resolve(import.meta.dirname, '../..');
const READY_MS = 60_000;

export interface ProbeOptions {
  readonly boot?: string;
  readonly run?: string;
  readonly bytes?: number;
  readonly exit?: number;
  readonly secret?: string;
  /** The call `stop` ends it. */
  readonly stops?: boolean;
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

export interface GatewayPorts {
  readonly guestPort: number;
  readonly facePort: number;
}

export interface GatewayProcess extends GatewayPorts {
  readonly process: ChildProcess;
  kill(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Resolves when it is ready. */
export async function startGateway(
  { guestPort, facePort }: GatewayPorts,
  { dir, key, env }: { readonly dir: string; readonly key: Secret; readonly env: Readonly<Record<string, string>> },
): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [join(root, 'gateway/main.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      HOME: dir,
      STOWAGE_GATEWAY_KEY: key.reveal(),
      STOWAGE_GATEWAY_LISTEN: `127.0.0.1:${guestPort}`,
      STOWAGE_GATEWAY_FACE_LISTEN: `127.0.0.1:${facePort}`,
      STOWAGE_GATEWAY_DIR: join(dir, 'logs'),
      STOWAGE_LOG_LEVEL: 'fatal',
      ...env,
    },
  });
  await waitUntilReady({ host: '127.0.0.1', port: facePort }, AbortSignal.timeout(READY_MS), {
    afterMs: READY_MS,
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
}

/** @param program `guest/link/probe`, built */
export function startProbe(
  program: string,
  id: ContainerId,
  { boot = 'boot-1', run = 'run-1', bytes = 0, exit, ports, secret = '', stops = false }: ProbeOptions,
): Probe {
  const child = spawn(program, {
    stdio: ['pipe', 'inherit', 'ignore'],
    env: {
      PROBE_GATEWAY: ports.map((port) => `127.0.0.1:${port}`).join(','),
      PROBE_CONTAINER: id,
      PROBE_BOOT: boot,
      PROBE_RUN: run,
      PROBE_SECRET: secret,
      PROBE_BYTES: String(bytes),
      ...(stops ? { PROBE_STOPS: '1' } : {}),
      ...(exit === undefined ? {} : { PROBE_EXIT: String(exit) }),
    },
  });
  child.stdin.on('error', () => undefined);
  return {
    process: child,
    emit: (more) => void child.stdin.write(`emit ${more}\n`),
    exit: (code) => void child.stdin.write(`exit ${code}\n`),
    hangUp: () => void child.stdin.write('hang-up\n'),
  };
}
