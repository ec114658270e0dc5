import { describe, expect, test } from 'vitest';
import { createEstimate } from './estimate.ts';
import { jobSchema } from './job.ts';
import { fitted, stageOf } from './watch-line.ts';

describe('an estimate of what remains', () => {
  test('is the rest at the speed of the last quarter of a minute', () => {
    const estimate = createEstimate();
    expect(estimate.note('copying', 0, 100, 0)).toBeUndefined();
    expect(estimate.note('copying', 10, 100, 1_000)).toBeUndefined();
    expect(estimate.note('copying', 20, 100, 2_000)).toBe(8_000);
    // It stood for long, then goes on: what was before the window does not count.
    expect(estimate.note('copying', 20, 100, 60_000)).toBeUndefined();
    expect(estimate.note('copying', 60, 100, 64_000)).toBe(4_000);
  });

  test('begins anew with another phase, and with another attempt', () => {
    const estimate = createEstimate();
    estimate.note('downloading', 0, 100, 0);
    expect(estimate.note('downloading', 50, 100, 5_000)).toBe(5_000);
    expect(estimate.note('uploading', 50, 100, 6_000)).toBeUndefined();
    expect(estimate.note('uploading', 10, 100, 9_000)).toBeUndefined();
  });
});

describe('the line of progress', () => {
  const stage = { phase: 'uploading', current: 1.5e6, total: 6e6, isBytes: true };
  test('has a bar as long as there is room for, and gives it up before the numbers', () => {
    expect(fitted('job  uploading', stage, 80)).toBe('job  uploading  █████░░░░░░░░░░░░░░░ 25 %  1.5 MB of 6 MB');
    expect(fitted('job  uploading', stage, 47)).toBe('job  uploading  ███░░░░░░░ 25 %  1.5 MB of 6 MB');
    expect(fitted('job  uploading', stage, 40)).toBe('job  uploading  25 %  1.5 MB of 6 MB');
    expect(fitted('job  uploading', stage, 30)).toBe('job  up…  25 %  1.5 MB of 6 MB');
  });

  test('without numbers it is words alone', () => {
    expect(fitted('job  waits', { phase: 'waits' }, 80)).toBe('job  waits');
    expect(fitted('job  waits', { phase: 'waits', current: 0 }, 8)).toBe('job  wa…');
    expect(fitted('job  moving', { phase: 'moving', current: 1_200 }, 80)).toBe('job  moving  1,200');
  });
});

describe('what a job is at', () => {
  const job = (more: object) =>
    jobSchema.parse({
      id: 'j',
      kind: 'image.pull',
      state: 'running',
      payload: {},
      result: null,
      error: null,
      steps: [],
      attempts: [],
      maxAttempts: 3,
      resources: [],
      createdAt: '2026-11-29T12:00:00Z',
      startedAt: null,
      finishedAt: null,
      ...more,
    });
  const layer = (more: object) => job({ kind: 'layer.pull', ...more });
  const loading = (current: number) => layer({ progress: { phase: 'downloading', current, total: 100 } });

  test('layers of an image are told together', () => {
    const children = [layer({ state: 'succeeded' }), loading(10), loading(30)];
    expect(stageOf(job({ state: 'waiting', children: ['a', 'b', 'c'] }), children)).toEqual({
      phase: '1 of 3 layer.pull done, downloading',
      current: 40,
      total: 200,
      isBytes: true,
    });
  });

  test('a step with the percentage of its Task, the line it waits in, the attempt that failed', () => {
    const step = { name: 'disk', state: 'running', begun: 2, progress: 40 };
    expect(stageOf(job({ steps: [step] }), [])).toMatchObject({ phase: 'disk, try 2', current: 40, total: 100 });
    const behind = [{ resource: 'volume:v', job: 'k', ahead: 3 }];
    expect(stageOf(job({ state: 'waiting', waitingBehind: behind }), [])).toEqual({
      phase: 'waits behind job k on volume:v (3 ahead)',
    });
    const attempts = [{ number: 1, worker: 'w', outcome: 'retry', error: { code: 'x', message: 'vCenter is away' } }];
    expect(stageOf(job({ state: 'waiting', retryAt: 'soon', attempts }), [])).toEqual({
      phase: 'attempt 1 failed (vCenter is away); the next follows',
    });
  });
});
