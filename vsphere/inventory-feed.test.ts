import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { moref } from '../core/ids.ts';
import type { InventorySnapshot } from '../core/ports/data-centre.ts';
import { InventoryFeed } from './inventory-feed.ts';
import type { Vim } from './schema/vim.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function datastore(kind: 'enter' | 'modify', freeSpace: number, accessible = true): Vim<'ObjectUpdate'> {
  const val = { xsiType: 'DatastoreSummary', name: 'ds', type: 'VMFS', capacity: 100, freeSpace, accessible };
  return {
    kind,
    obj: moref('Datastore', 'datastore-1'),
    changeSet: [{ name: 'summary', op: 'assign', val }],
  };
}

function listen(feed: InventoryFeed): readonly number[] {
  const told: number[] = [];
  feed.add((snapshot: InventorySnapshot) => void told.push(snapshot.datastores[0]?.freeBytes ?? -1));
  return told;
}

test('free space that changes with every file is told once a second, as it then is', () => {
  const feed = new InventoryFeed();
  const told = listen(feed);
  feed.apply([datastore('enter', 90)], false);
  for (const freeSpace of [80, 70, 60]) feed.apply([datastore('modify', freeSpace)], false);
  expect(told).toEqual([90]);
  vi.advanceTimersByTime(1_000);
  expect(told).toEqual([90, 60]);
});

test('a datastore that is lost is told at once, with the figures of before', () => {
  const feed = new InventoryFeed();
  const told = listen(feed);
  feed.apply([datastore('enter', 90)], false);
  feed.apply([datastore('modify', 80)], false);
  feed.apply([datastore('modify', 70, false)], false);
  expect(told).toEqual([90, 70]);
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([90, 70]);
});

test('nothing is told of a rig that is only half reported', () => {
  const feed = new InventoryFeed();
  const told = listen(feed);
  feed.apply([datastore('enter', 90)], false);
  feed.apply([datastore('modify', 80)], false);
  feed.renew();
  feed.apply([datastore('enter', 70)], true);
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([90]);
});

test('an answer that comes in parts is told with its last, also when that has nothing of the inventory', () => {
  const feed = new InventoryFeed();
  const told = listen(feed);
  feed.apply([datastore('enter', 90)], true);
  expect(told).toEqual([]);
  feed.apply([], false);
  expect(told).toEqual([90]);
  feed.apply([datastore('modify', 70, false)], true);
  feed.apply([], false);
  expect(told).toEqual([90, 70]);
  feed.apply([], false);
  vi.advanceTimersByTime(5_000);
  expect(told).toEqual([90, 70]);
});
