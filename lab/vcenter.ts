import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { randomBytes } from '../platform/clock.ts';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { type Child, startChild } from './child.ts';
import { buildGo } from './go.ts';
import { claimPort } from './ports.ts';
import { keepSecret } from './secret-file.ts';

export interface LabVcenter {
  /** For `VCENTER_URL`. Stays the same over restarts. */
  readonly url: string;
  /** Where host failures, faults and latency are ordered. */
  readonly labUrl: string;
  readonly user: string;
  readonly password: string;
  /** Of its certificate, where it has one. */
  readonly thumbprint?: string;
  readonly pid: number | undefined;
  stop(): Promise<void>;
  /** Kills it; it stays dead until `restart()`. */
  kill9(): Promise<void>;
  restart(): Promise<void>;
}

export interface VcenterSettings {
  /** The repository, whose lab/vcenter is built. */
  readonly root: string;
  /** What the simulated data centre keeps (its files and inventory, in `state`), its password and log. */
  readonly dir: string;
  /** Port 0 takes a free one. */
  readonly listen: ListenAddress;
  readonly logger: Logger;
  readonly env?: NodeJS.ProcessEnv;
  /** Start it again when it dies. */
  readonly isRestarted?: boolean;
  /** More arguments for the program. */
  readonly args?: readonly string[];
}

const USER = 'administrator@vsphere.local';

/** What the program prints, once, when it is ready. */
const readyLine = z.object({
  ready: z.literal(true),
  url: z.string(),
  lab: z.string(),
  thumbprint: z.string().optional(),
});
type ReadyLine = z.infer<typeof readyLine>;

/** Volume stores on what the simulated data centre has. */
export const LAB_VOLUME_STORES =
  'default=[shared-1] stowage; fast=[shared-2] stowage; nfs=[nfs-1] stowage; pod=pod:pod-1 stowage';

/** Where images lie: beside them. */
export const LAB_IMAGE_STORE = '[shared-1] stowage';
/** As the configuration gives it on the lab, where nothing is set. */
export const LAB_CONTAINERS = {
  folder: 'stowage',
  pool: 'stowage',
  store: { datastore: 'shared-1', root: 'stowage' },
  network: 'VM Network',
  scratchBytes: 8_000_000_000,
  memoryBytes: 512_000_000,
  cpus: 1,
} as const;

/** Builds the simulated vCenter if need be, starts it, and waits until it answers. */
export async function startVcenter(settings: VcenterSettings): Promise<LabVcenter> {
  const { root, dir, logger, env = process.env, isRestarted = false, args = [] } = settings;
  mkdirSync(join(dir, 'state'), { recursive: true, mode: 0o700 });
  const command = await buildGo({ root, module: 'lab/vcenter', program: '.', env, logger });
  const listen = await claimPort(settings.listen, 'STOWAGE_LAB_LISTEN');
  const password = keepSecret(join(dir, 'password'), randomBytes);
  const lines = createReadyLines();
  const child = await startChild({
    name: 'vcenter',
    command,
    args: ['-listen', formatListen(listen), '-dir', join(dir, 'state'), ...args],
    cwd: dir,
    // Not as arguments, which everybody can read.
    env: { ...env, LAB_VCENTER_USER: USER, LAB_VCENTER_PASSWORD: password },
    logger,
    pidFile: join(dir, 'vcenter.pid'),
    logFile: join(dir, 'vcenter.log'),
    isRestarted,
    onLine: lines.take,
    ready: (_pid, signal) => lines.next(signal),
    readyDeadlineMs: 60_000,
  });
  return facade(child, lines.last(), password);
}

function facade(child: Child, line: ReadyLine, password: string): LabVcenter {
  return {
    url: line.url,
    labUrl: line.lab,
    user: USER,
    password,
    ...(line.thumbprint === undefined ? {} : { thumbprint: line.thumbprint }),
    get pid() {
      return child.pid;
    },
    stop: () => child.stop(),
    kill9: () => child.kill9(),
    restart: () => child.restart(),
  };
}

function parseReadyLine(text: string): ReadyLine | undefined {
  try {
    return readyLine.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Finds ready lines among those that the program prints: one for each start. */
function createReadyLines() {
  let seen: ReadyLine | undefined;
  let onSeen: (() => void) | undefined;
  let isFresh = false;
  return {
    take: (text: string): void => {
      const line = parseReadyLine(text);
      if (line === undefined) return;
      seen = line;
      isFresh = true;
      onSeen?.();
    },
    next: async (signal: AbortSignal): Promise<void> => {
      if (!isFresh) {
        await new Promise<void>((resolve, reject) => {
          onSeen = resolve;
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        });
      }
      isFresh = false;
    },
    last: (): ReadyLine => {
      if (seen === undefined) throw new Error('the simulated vCenter has not said that it is ready');
      return seen;
    },
  };
}
