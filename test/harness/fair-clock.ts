import { readdirSync, readFileSync } from 'node:fs';

// For promises about time ("within two seconds"), on machines that have other things to do. Linux counts, for each thread, how long it was
// ready to run and had no CPU. Whatever a chain of our processes does one after another can have lost no more than the sum of that.

export interface FairClock {
  /**
   * Milliseconds since the start, less those for which threads of this process or of one that it started waited for a CPU. Where nothing
   * counts them (no Linux), it is the time on the wall.
   */
  elapsedMs(): number;
}

/** Starts when it is made. On an idle machine it is as strict as the wall's; never below zero. */
export function startFairClock(): FairClock {
  const begun = performance.now();
  const before = waitedNs();
  const stolenBefore = stolenMs();
  return {
    elapsedMs() {
      const waited = [...waitedNs()].reduce((sum, [thread, ns]) => sum + ns - (before.get(thread) ?? 0), 0);
      const elapsed = performance.now() - begun;
      return Math.max(0, elapsed - waited / 1e6 - (stolenMs() - stolenBefore));
    },
  };
}

/** By thread, of this process and of those below it. A process that ends takes its count with it: its waiting is not forgiven. */
function waitedNs(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pid of familyOf(process.pid)) {
    for (const thread of listing(`/proc/${pid}/task`)) {
      const [, waited = '0'] = text(`/proc/${pid}/task/${thread}/schedstat`).split(' ');
      counts.set(`${pid}/${thread}`, Number(waited));
    }
  }
  return counts;
}

function familyOf(root: number): readonly number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of listing('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The command in parentheses may have any character in it.
    const [, parent] = text(`/proc/${name}/stat`).split(') ').at(-1)?.split(' ') ?? [];
    if (parent !== undefined) childrenOf.set(Number(parent), [...(childrenOf.get(Number(parent)) ?? []), Number(name)]);
  }
  const family = [root];
  for (const pid of family) family.push(...(childrenOf.get(pid) ?? []));
  return family;
}

/** What the machine's own host took from its CPUs, which no thread counts; in ticks of 10 ms. */
function stolenMs(): number {
  return Number(/^cpu +(?:\d+ ){7}(\d+)/.exec(text('/proc/stat'))?.[1] ?? '0') * 10;
}

function listing(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    // Ended meanwhile, or no Linux.
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
