import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newJobId } from '../core/ids.ts';
import type { TrailEntry } from '../core/ports/trail.ts';
import { randomBytes } from '../platform/clock.ts';
import { createLogger } from '../platform/log.ts';
import { witnessed } from '../platform/witness.ts';
import { AttemptTrail } from './trail.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const job = newJobId(1_000, randomBytes(10));

function open(): { readonly trail: AttemptTrail; readonly writes: (readonly TrailEntry[])[] } {
  const writes: (readonly TrailEntry[])[] = [];
  const trails = {
    add: (_: unknown, entries: readonly TrailEntry[]) => void writes.push(entries),
    read: async () => [],
  };
  return { trail: new AttemptTrail(trails, { job, attempt: 2, nowMs: () => 5_000 }), writes };
}
const call = {
  name: 'CreateVirtualDisk_Task',
  durationMs: 12.34,
  outcome: 'ok',
  facts: { object: 'VirtualDiskManager:m' },
};
const logger = createLogger({ name: 'workers', level: 'trace', destination: { write: () => undefined } });

test('an attempt that calls nothing and logs nothing writes nothing', async () => {
  const { trail, writes } = open();
  await vi.advanceTimersByTimeAsync(5_000);
  trail.close();
  expect(writes).toEqual([]);
});

test('calls and lines are written together, once a second and at the end', async () => {
  const { trail, writes } = open();
  trail.stepNow = () => 'disk';
  trail.call(call);
  witnessed(trail, () => logger.warn({ host: 'esx-1', password: 'hunter2' }, 'waits for the host'));
  expect(writes).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  trail.call({ ...call, outcome: 'FileLocked' });
  trail.close();
  const at = '1970-01-01T00:00:05.000Z';
  expect(writes).toEqual([
    [
      {
        at: '1970-01-01T00:00:04.987Z',
        type: 'call',
        name: 'CreateVirtualDisk_Task',
        durationMs: 12.3,
        attempt: 2,
        step: 'disk',
        data: { outcome: 'ok', object: 'VirtualDiskManager:m' },
      },
      {
        at,
        type: 'log',
        name: 'waits for the host',
        level: 'warn',
        attempt: 2,
        step: 'disk',
        data: { host: 'esx-1', password: '[secret]' },
      },
    ],
    [expect.objectContaining({ data: { outcome: 'FileLocked', object: 'VirtualDiskManager:m' } })],
  ]);
});

test('debug lines are left out, and errors have no stack', () => {
  const { trail, writes } = open();
  witnessed(trail, () => {
    logger.debug('too much');
    logger.info({ err: new TypeError('no'), long: 'x'.repeat(100) }, 'failed');
    logger.info({ long: 'x'.repeat(5_000) }, 'long');
  });
  trail.close();
  expect(writes.flat().map(({ name, data }) => [name, data])).toEqual([
    ['failed', { err: { type: 'TypeError', message: 'no' }, long: 'x'.repeat(100) }],
    ['long', { tooLong: true }],
  ]);
});

test('what comes after the attempt is no part of it', () => {
  const { trail, writes } = open();
  trail.close();
  trail.call(call);
  witnessed(trail, () => logger.info('later'));
  trail.close();
  expect(writes).toEqual([]);
});
