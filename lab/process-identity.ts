import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that once ran. Its pid may have been given to another since; `identity` has not. */
export interface KnownProcess {
  readonly pid: number;
  readonly identity: string;
}

/** @returns undefined when no such process runs (one that only waits to be reaped does not run) */
export function identify(pid: number): KnownProcess | undefined {
  const identity = identityFromProc(pid) ?? identityFromPs(pid);
  return identity === undefined ? undefined : { pid, identity };
}

export function isRunning(known: KnownProcess): boolean {
  return identify(known.pid)?.identity === known.identity;
}

export function parseKnownProcess(text: string): KnownProcess | undefined {
  const [pid, identity] = text.trim().split(' ', 2);
  return /^[1-9]\d*$/.test(pid ?? '') && identity ? { pid: Number(pid), identity } : undefined;
}

export function formatKnownProcess({ pid, identity }: KnownProcess): string {
  return `${pid} ${identity}\n`;
}

/** The tick at which a process started, in one boot of the machine, belongs to one process with that pid. */
function identityFromProc(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold anything, so fields count from the last parenthesis.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = fields[18];
    return state === 'Z' || state === 'X' || startTicks === undefined ? undefined : `${boot}/${startTicks}`;
  } catch {
    return undefined;
  }
}

/** Where there is no /proc. */
function identityFromPs(pid: number): string | undefined {
  if (process.platform === 'linux') return undefined;
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? undefined : started.replaceAll(/\s+/g, '_');
  } catch {
    return undefined;
  }
}
