// How long something that counts up will still take.

interface Sample {
  readonly atMs: number;
  readonly current: number;
}

/** Speed is that of this time: what was slow at first, or stood, does not spoil it for long. */
const WINDOW_MS = 15_000;
/** Before that there is no telling. */
const LEAST_MS = 1_500;

export interface Estimate {
  /** Tells where it is now; resolves how long it will still take, where that can be said. */
  note(phase: string, current: number, total: number, nowMs: number): number | undefined;
}

export function createEstimate(): Estimate {
  let samples: Sample[] = [];
  let phaseNow = '';
  return {
    note(phase, current, total, nowMs) {
      const last = samples.at(-1);
      // Another phase, or another attempt that begins again, says nothing of this one.
      if (phase !== phaseNow || (last !== undefined && current < last.current)) samples = [];
      phaseNow = phase;
      samples.push({ atMs: nowMs, current });
      samples = samples.filter(({ atMs }, at) => nowMs - atMs <= WINDOW_MS || at >= samples.length - 2);
      const first = samples[0];
      if (first === undefined || nowMs - first.atMs < LEAST_MS || current <= first.current) return undefined;
      return ((total - current) * (nowMs - first.atMs)) / (current - first.current);
    },
  };
}
