import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { type Child, startChild } from './child.ts';
import { compileCache } from './node-process.ts';
import { waitUntilReady } from './ready.ts';

/** A start takes a second or two; what takes longer usually waits for a vCenter or a Redis that refuses it. */
const LATE_MS = 5_000;

export interface ServiceSettings {
  /** `api`, `worker-1`, … */
  readonly name: string;
  /** The program, e.g. `api/main.ts`, below the repository. */
  readonly program: string;
  /** Of Node.js. */
  readonly flags?: readonly string[];
  readonly root: string;
  /** Where its log and pid file go. */
  readonly dir: string;
  readonly listen: ListenAddress;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Gives up starting it. */
  readonly signal: AbortSignal;
}

/** Starts one process of the product, waits until its `/readyz` says 200, and starts it again when it dies. */
export async function startService({
  name,
  program,
  flags = [],
  root,
  dir,
  listen,
  env,
  logger,
  signal: givenUp,
}: ServiceSettings): Promise<Child> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return startChild({
    name,
    command: process.execPath,
    args: [...flags, join(root, program)],
    cwd: root,
    env: { ...compileCache(root), ...env },
    logger,
    pidFile: join(dir, `${name}.pid`),
    logFile: join(dir, `${name}.log`),
    isRestarted: true,
    signal: givenUp,
    ready: (_pid, signal) =>
      waitUntilReady(listen, signal, {
        afterMs: LATE_MS,
        tell: (answer) => logger.warn({ child: name, answer }, 'not ready yet'),
      }),
    readyDeadlineMs: 60_000,
    // Longer than the services themselves take: they let running steps end.
    stopDeadlineMs: 30_000,
  });
}

/** The environment of a process of the product: ours, with `settings` in place of their variables and `…_FILE` forms. */
export function serviceEnv(env: NodeJS.ProcessEnv, settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const result = { ...env };
  for (const name of Object.keys(settings)) {
    const bare = name.replace(/_FILE$/, '');
    delete result[bare];
    delete result[`${bare}_FILE`];
  }
  return { ...result, ...settings };
}

export function listenOfWorker(first: ListenAddress, index: number): ListenAddress {
  return { host: first.host, port: first.port === 0 ? 0 : first.port + index };
}

export function listenVariable(name: string, listen: ListenAddress): Readonly<Record<string, string>> {
  return { [name]: formatListen(listen) };
}
