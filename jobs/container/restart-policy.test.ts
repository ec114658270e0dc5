import { describe, expect, it } from 'vitest';
import { isToRestart, pauseAfter } from './restart-policy.ts';

describe('a restart policy', () => {
  it.for([
    ['no', 1, 0, 0, false],
    ['on-failure', 0, 0, 0, false],
    ['on-failure', 1, 0, 500, true],
    ['on-failure', 1, 3, 2, true],
    ['on-failure', 1, 3, 3, false],
    ['always', 0, 0, 9, true],
    ['unless-stopped', 137, 0, 9, true],
  ] as const)('%s, exit code %i, at most %i, after %i: %s', ([name, exitCode, maxRetries, restarts, isAgain]) => {
    expect(isToRestart({ name, maxRetries }, { exitCode, restarts })).toBe(isAgain);
  });

  const run = (ranMs: number, pauseMs?: number) => ({
    wanted: 'running' as const,
    restarts: 1,
    startedAt: new Date(0).toISOString(),
    finishedAt: new Date(ranMs).toISOString(),
    ...(pauseMs === undefined ? {} : { pauseMs }),
  });
  it.for([
    ['the first', run(50), 100],
    ['doubled', run(50, 800), 1_600],
    ['a minute at most', run(50, 51_200), 60_000],
    ['anew after ten seconds', run(10_000, 51_200), 100],
  ] as const)('the pause: %s', ([, before, ms]) => {
    expect(pauseAfter(before)).toBe(ms);
  });
});
