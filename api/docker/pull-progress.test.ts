import { expect, test } from 'vitest';
import { newJobId } from '../../core/ids.ts';
import type { JobProgress } from '../../core/job.ts';
import { digestOf } from '../../jobs/image/fixtures.ts';
import { createPullProgress, type PullView } from './pull-progress.ts';

const job = newJobId(0, new Uint8Array(10));
const layer = { blob: digestOf('blob'), sizeBytes: 1_000, isThere: false, job };

function view(progress?: JobProgress, more: Partial<PullView> = {}): PullView {
  return {
    layers: [layer],
    progress: new Map(progress === undefined ? [] : [[job, progress]]),
    over: new Set(),
    isDone: false,
    ...more,
  };
}

test('each stage of a layer is told once, whatever is missed between two looks', () => {
  const progress = createPullProgress();
  const told = (of: PullView): readonly string[] => progress.update(of).map(({ status }) => status);
  expect(told(view())).toEqual(['Pulling fs layer']);
  expect(told(view())).toEqual([]);
  expect(told(view({ phase: 'waiting', current: 0 }))).toEqual(['Waiting']);
  expect(told(view({ phase: 'downloading', current: 10 }))).toEqual(['Downloading']);
  expect(told(view({ phase: 'downloading', current: 10 }))).toEqual([]);
  expect(told(view({ phase: 'downloading', current: 20 }))).toEqual(['Downloading']);
  expect(told(view({ phase: 'uploading', current: 5, total: 10 }))).toEqual([
    'Verifying Checksum',
    'Download complete',
    'Extracting',
  ]);
  // Another attempt begins again: what was told is not taken back.
  expect(told(view({ phase: 'downloading', current: 0 }))).toEqual([]);
  expect(told(view(undefined, { over: new Set([job]) }))).toEqual(['Pull complete']);
  expect(told(view(undefined, { isDone: true }))).toEqual([]);
});

test('a layer that is there is told so', () => {
  const progress = createPullProgress();
  const there = { ...view(), layers: [{ ...layer, isThere: true }] };
  expect(progress.update(there).map(({ status }) => status)).toEqual(['Already exists']);
  expect(progress.update({ ...there, isDone: true })).toEqual([]);
});

test('bytes are told of the layer, with a bar for clients that draw none', () => {
  const [, line] = createPullProgress().update(view({ phase: 'downloading', current: 500 }));
  expect(line).toEqual({
    status: 'Downloading',
    id: layer.blob.slice(7, 19),
    progressDetail: { current: 500, total: 1_000 },
    progress: `[${'='.repeat(25)}>${' '.repeat(24)}]  500 B/1 kB`,
  });
});
