import { describe, expect, test } from 'vitest';
import type { Job, TrailItem } from '../api/job.ts';
import { waterfallOf } from './waterfall.ts';

const at = (ms: number): string => new Date(1_800_000_000_000 + ms).toISOString();
const beginMs = Date.parse(at(0));

function job(more: Partial<Job>): Job {
  return {
    id: '01m8kgtppjy1fm5jysfhpcqeny',
    kind: 'volume.create',
    state: 'succeeded',
    payload: {},
    result: {},
    error: null,
    steps: [],
    attempts: [],
    maxAttempts: 6,
    resources: [],
    lane: 'default',
    actor: 'key:ci',
    children: [],
    createdAt: at(0),
    startedAt: at(10),
    finishedAt: at(500),
    redriveCount: 0,
    notes: {},
    ...more,
  };
}

function drawn(one: Job, trail: readonly TrailItem[] = [], nowMs = beginMs + 500): readonly unknown[] {
  return waterfallOf(one, trail, nowMs).bars.map(({ depth, label, state, startMs, endMs }) => [
    depth,
    label,
    state,
    startMs - beginMs,
    endMs === undefined ? undefined : endMs - beginMs,
  ]);
}

const failed = { type: '', kind: '', code: 'vcenter-fault', message: '', advice: '' };

describe('the waterfall of a job', () => {
  test('has the line, attempts, their steps, and in these Tasks and calls by time', () => {
    const one = job({
      attempts: [
        {
          number: 1,
          worker: 'w',
          outcome: 'retry',
          step: 'make',
          error: failed,
          startedAt: at(10),
          finishedAt: at(100),
        },
        { number: 2, worker: 'w', outcome: 'succeeded', startedAt: at(300), finishedAt: at(500) },
      ],
      steps: [
        {
          name: 'make',
          state: 'done',
          begun: 2,
          startedAt: at(20),
          finishedAt: at(450),
          tasks: [
            {
              method: 'CreateVirtualDisk_Task',
              ref: 'Task:1',
              outcome: 'error',
              startedAt: at(30),
              finishedAt: at(90),
            },
            {
              method: 'CreateVirtualDisk_Task',
              ref: 'Task:2',
              outcome: 'success',
              startedAt: at(330),
              finishedAt: at(440),
            },
          ],
        },
        { name: 'record', state: 'pending', begun: 0, tasks: [] },
      ],
    });
    const call = { type: 'call', attempt: 2, step: 'make', durationMs: 5 } as const;
    const trail: readonly TrailItem[] = [
      { ...call, at: at(320), name: 'QueryVirtualDiskUuid', data: { outcome: 'FileNotFound' } },
      { type: 'log', at: at(321), name: 'a line', attempt: 2, level: 'info' },
    ];
    expect(drawn(one, trail)).toEqual([
      [0, 'in line', 'done', 0, 10],
      [0, 'attempt 1', 'retry', 10, 100],
      [1, 'make', 'failed', 20, 100],
      [2, 'CreateVirtualDisk_Task Task:1', 'error', 30, 90],
      [0, 'attempt 2', 'succeeded', 300, 500],
      [1, 'make', 'done', 320, 450],
      [2, 'QueryVirtualDiskUuid', 'FileNotFound', 320, 325],
      [2, 'CreateVirtualDisk_Task Task:2', 'success', 330, 440],
    ]);
  });

  test('of a job in line is one bar that goes on', () => {
    const one = job({ state: 'waiting', result: null, startedAt: null, finishedAt: null });
    expect(drawn(one)).toEqual([[0, 'in line', 'waiting', 0, undefined]]);
    expect(waterfallOf(one, [], beginMs + 4_000).endMs - beginMs).toBe(4_000);
  });

  test('of a job that runs ends now', () => {
    const one = job({
      state: 'running',
      finishedAt: null,
      attempts: [{ number: 1, worker: 'w', outcome: 'running', startedAt: at(10) }],
      steps: [{ name: 'make', state: 'running', begun: 1, startedAt: at(20), tasks: [] }],
    });
    expect(drawn(one).slice(1)).toEqual([
      [0, 'attempt 1', 'running', 10, undefined],
      [1, 'make', 'running', 20, undefined],
    ]);
  });
});
