import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SAMPLE_MS = 20;

/** The most memory that a process has had resident since `forgetPeak`, in bytes; undefined: it has ended. Source: proc(5), `VmHWM`. */
export function peakBytesOf(pid: number): number | undefined {
  const text = readOf(pid, 'status');
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

/** What a process alone has in memory, and its share of what it has with others. Source: proc(5), `Pss`. */
export function pssMibOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readOf(pid, 'smaps_rollup'))?.[1]) / 1_024;
}

/** From now on the peak is that of what is to come. Source: proc(5), `/proc/<pid>/clear_refs`. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

export interface ChildPeaks {
  /** The largest child's. */
  readonly oneBytes: number;
  /** Of all children that lived at one time, what they have had resident each. */
  readonly allBytes: number;
}

/**
 * Looks at the children of these processes while `work` lasts: a peak never falls, so only the last instant of each goes unseen. One that
 * is not yet the program it will be has its parent's name, and its parent's memory.
 */
export async function watchChildren(pids: readonly number[], work: () => Promise<void>): Promise<ChildPeaks> {
  const done = new AbortController();
  const peaks = { oneBytes: 0, allBytes: 0 };
  const watch = async (): Promise<void> => {
    while (!done.signal.aborted) {
      const found = pids.flatMap((parent) => {
        const children = childrenOf(parent).filter((pid) => nameOf(pid) !== nameOf(parent));
        return children.map((pid) => peakBytesOf(pid) ?? 0);
      });
      peaks.oneBytes = Math.max(peaks.oneBytes, ...found);
      peaks.allBytes = Math.max(
        peaks.allBytes,
        found.reduce((sum, each) => sum + each, 0),
      );
      await sleep(SAMPLE_MS, undefined, { signal: done.signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  try {
    await work();
  } finally {
    done.abort();
    await watching;
  }
  return peaks;
}

function childrenOf(pid: number): readonly number[] {
  return readOf(pid, `task/${pid}/children`)
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

function nameOf(pid: number): string {
  return readOf(pid, 'comm');
}

/** Empty when there is no such process any more. */
function readOf(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
