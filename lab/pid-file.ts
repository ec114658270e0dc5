import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../platform/log.ts';
import { formatKnownProcess, identify, isRunning, type KnownProcess, parseKnownProcess } from './process-identity.ts';

const TERM_DEADLINE_MS = 5000;
const POLL_MS = 50;

export function writePidFile(path: string, pid: number): void {
  const known = identify(pid);
  if (known !== undefined) writeFileSync(path, formatKnownProcess(known), { mode: 0o600 });
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

/** The process that wrote the file or of which it was written, if that very process still runs. */
function readPidFile(path: string): KnownProcess | undefined {
  const known = parseKnownProcess(readIfThere(path));
  return known !== undefined && isRunning(known) ? known : undefined;
}

/** Ends what a run that was killed left behind: the process of this pid file, with its process group. */
export async function stopStale(path: string, logger: Logger): Promise<void> {
  const known = readPidFile(path);
  if (known !== undefined) {
    logger.warn({ childPid: known.pid, pidFile: path }, 'stopping a process that an earlier run left');
    signalGroup(known.pid, 'SIGTERM');
    for (let waitedMs = 0; isRunning(known) && waitedMs < TERM_DEADLINE_MS; waitedMs += POLL_MS) await delay(POLL_MS);
    if (isRunning(known)) signalGroup(known.pid, 'SIGKILL');
    while (isRunning(known)) await delay(POLL_MS);
  }
  removePidFile(path);
}

/** Signals the group that `pid` leads. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
