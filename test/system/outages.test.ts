import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isJobOver } from '../../core/states.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { startSystem, type System, type WorkerProcess } from '../harness/system.ts';
import { countTasks, disksOf } from './lab-view.ts';

const SLOW_MS = 5_000;
/** Less than one slow call: no canary waits for vCenter. */
const LIVE_MS = 4_000;

describe('a vCenter that answers slowly', { timeout: 240_000 }, () => {
  let system: System;
  let worker: WorkerProcess;
  beforeAll(async () => {
    system = await startSystem({ workers: 0 });
    worker = await system.startWorker();
  });
  afterEach(() => system.lab('POST', '/reset'));
  afterAll(() => system.close());

  it('5 s for each call: the job succeeds at its first attempt, and the workers stay live', async () => {
    // What a worker looks up once is not what this is about.
    expect(await system.run('volume.create', { name: 'warm_vol' })).toMatchObject({ state: 'succeeded' });
    await system.lab('POST', '/latency', { method: '*', ms: SLOW_MS });
    const id = await system.begin('volume.create', { name: 'slow_vol' });
    const ended = system.end(id, 200_000);
    let canaries = 0;
    for (let isOver = false; !isOver; isOver = isJobOver((await system.store.jobs.read(id))?.state ?? 'waiting')) {
      const clock = startFairClock();
      const canary = await system.store.health.canary(60_000);
      expect(clock.elapsedMs()).toBeLessThan(LIVE_MS);
      expect(canary.worker).toContain(String(worker.pid));
      canaries += 1;
    }
    const job = await ended;
    expect(job.attempts.map((attempt) => attempt.outcome)).toEqual(['succeeded']);
    const tookMs = Date.parse(job.finishedAt ?? '') - Date.parse(job.startedAt ?? '');
    expect(tookMs).toBeGreaterThan(SLOW_MS);
    expect(canaries).toBeGreaterThan(2);
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'slow_vol')).toBe(1);
    expect(await disksOf(system, 'slow_vol')).toHaveLength(1);
  });
});
