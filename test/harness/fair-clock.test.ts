import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startFairClock } from './fair-clock.ts';

test('time that nothing was done in is counted: a promise that is broken on an idle machine shows', async () => {
  const begun = performance.now();
  const clock = startFairClock();
  await sleep(1_000);
  const fairMs = clock.elapsedMs();
  expect(fairMs).toBeLessThanOrEqual(performance.now() - begun);
  // One thread that sleeps is ready for some moments only.
  expect(fairMs).toBeGreaterThan(0);
});

test.runIf(process.platform === 'linux')('time for which our processes wait for a CPU is not', async () => {
  const clock = startFairClock();
  const begun = performance.now();
  // Twice as many as there are CPUs: each waits for half of the time at least.
  const busy = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
  );
  await sleep(1_000);
  const fairMs = clock.elapsedMs();
  expect(fairMs).toBeLessThan((performance.now() - begun) / 2);
  await Promise.all(
    busy.map(async (child) => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
});
