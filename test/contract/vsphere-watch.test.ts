import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { moref } from '../../core/ids.ts';
import type { MachinesChange, WatchedMachine } from '../../core/ports/machines.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { type MachineBed, openMachineBed } from '../harness/machines.ts';

// The watch of machines on both simulators; what only the lab can do (hosts that fail) is in vsphere-host-failure.test.ts.

const SEEN_WITHIN_MS = 2_000;

/** What a watcher knows, kept from what it is told. */
class Watched {
  readonly changes: MachinesChange[] = [];
  readonly machines = new Map<string, WatchedMachine>();

  apply(change: MachinesChange): void {
    this.changes.push(change);
    if (change.isWhole) this.machines.clear();
    for (const machine of change.machines) this.machines.set(machine.ref, machine);
    for (const ref of change.gone) this.machines.delete(ref);
  }

  named(name: string): WatchedMachine | undefined {
    return [...this.machines.values()].find((machine) => machine.name === name);
  }
}

describe.each(['lab', 'stock'] as const)('the watch of machines on the %s vCenter', (program) => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();
  const isLab = program === 'lab';

  beforeAll(async () => {
    bed = await openTestBed(program);
    own = await openMachineBed(bed, 'watched');
  });
  afterAll(() => bed.close());

  async function watching(work: (watched: Watched) => Promise<void>, folder = own.estate.folder): Promise<void> {
    const ending = new AbortController();
    const watched = new Watched();
    const signal = AbortSignal.any([ending.signal, soon()]);
    const watch = bed.dc.machines.watch(folder, (change) => watched.apply(change), signal);
    try {
      await Promise.race([watch, expect.poll(() => watched.changes.length).toBeGreaterThan(0)]);
      await work(watched);
    } finally {
      ending.abort();
      await watch;
    }
  }

  test('an empty folder is told at once', async () => {
    await watching(async (watched) => {
      expect(watched.changes).toEqual([{ isWhole: true, machines: [], gone: [] }]);
    });
  });

  test('a folder that is not there ends the watch, and no other', async () => {
    await watching(async (watched) => {
      const lost = bed.dc.machines.watch(moref('Folder', 'group-v99999'), () => undefined, soon());
      expect(await failure(lost)).toMatchObject({ code: 'vcenter-not-found' });
      await own.create('beside');
      await expect.poll(() => watched.named('beside')?.power).toBe('off');
    });
  });

  test('machines come, change and go', async () => {
    await watching(async (watched) => {
      const { ref, uuid, vmxPath } = await own.create('seen');
      await expect.poll(() => watched.named('seen')).toMatchObject({ ref, power: 'off' });
      // The stock simulator shows a machine before it has a configuration, and never tells that it got one.
      if (isLab) {
        await expect.poll(() => watched.named('seen')).toMatchObject({ uuid, vmxPath, connected: true });
        expect(watched.named('seen')?.disks).toHaveLength(1);
      }
      await own.start(ref);
      await expect.poll(() => watched.named('seen')?.power).toBe('on');
      await done(bed, bed.dc.power.off(ref, fence));
      await expect.poll(() => watched.named('seen')?.power).toBe('off');
      await done(bed, bed.dc.machines.rename(ref, 'renamed', fence));
      await expect.poll(() => watched.named('renamed')?.ref).toBe(ref);
      await done(bed, bed.dc.machines.destroy(ref, fence));
      await expect.poll(() => watched.machines.has(ref)).toBe(false);
      expect(watched.changes.filter(({ isWhole }) => isWhole)).toHaveLength(1);
      expect(watched.named(bed.machineName)).toBeUndefined();
    });
  });

  test('a disk that is taken away is seen within two seconds', async () => {
    const [path] = await own.disks('taken', 1);
    if (path === undefined) throw new Error('there is no disk');
    const { ref } = await own.create('robbed');
    await own.attach(ref, path, 1);
    await watching(async (watched) => {
      const isThere = (): boolean => watched.machines.get(ref)?.disks.some((disk) => disk.path === path) ?? false;
      await expect.poll(isThere).toBe(true);
      const { changeVersion, disks } = await own.read(ref);
      const diskKeys = disks.filter((disk) => disk.path === path).map(({ key }) => key);
      const clock = startFairClock();
      await done(bed, bed.dc.machines.detachAll({ machine: ref, changeVersion, diskKeys }, fence));
      await expect.poll(isThere, { interval: 10, timeout: 30_000 }).toBe(false);
      expect(clock.elapsedMs()).toBeLessThan(SEEN_WITHIN_MS);
    });
  });

  test('a second watcher is told what is known, and both what changes', async () => {
    await own.create('for-both');
    await watching((first) =>
      watching(async (second) => {
        const names = (watched: Watched) => [...watched.machines.values()].map(({ name }) => name).sort();
        expect(names(second)).toEqual(names(first));
        const { ref } = await own.create('also-for-both');
        await expect.poll(() => [first, second].every((watched) => watched.machines.has(ref))).toBe(true);
      }),
    );
  });

  test('beside the inventory and Tasks, each is told its own', async () => {
    const ending = new AbortController();
    let snapshots = 0;
    const signal = AbortSignal.any([ending.signal, soon()]);
    const inventory = bed.dc.inventory.watch(() => {
      snapshots += 1;
    }, signal);
    await watching(async (watched) => {
      await expect.poll(() => snapshots).toBeGreaterThan(0);
      const { ref } = await own.create('alongside');
      await expect.poll(() => watched.machines.has(ref)).toBe(true);
    });
    ending.abort();
    await inventory;
  });

  test.runIf(isLab)('after a lost session a whole one comes, with what happened meanwhile', async () => {
    const { ref } = await own.create('meanwhile');
    await watching(async (watched) => {
      await bed.control('POST', '/sessions/drop');
      await own.start(ref);
      await expect.poll(() => watched.machines.get(ref)?.power).toBe('on');
      expect(watched.changes.filter(({ isWhole }) => isWhole).length).toBeGreaterThan(1);
    });
  });

  test.runIf(isLab)('more machines than come in one answer are one whole', async () => {
    const many = await Promise.all(Array.from({ length: 105 }, (_, n) => own.create(`many-${n}`)));
    const other = await bed.connect();
    const ending = new AbortController();
    const changes: MachinesChange[] = [];
    const signal = AbortSignal.any([ending.signal, soon()]);
    const watch = other.machines.watch(own.estate.folder, (change) => changes.push(change), signal);
    await expect.poll(() => changes.length).toBeGreaterThan(0);
    ending.abort();
    await watch;
    expect(changes[0]).toMatchObject({ isWhole: true });
    const told = new Set(changes[0]?.machines.map(({ ref }) => ref));
    expect(many.filter(({ ref }) => !told.has(ref))).toEqual([]);
    await other.close();
  });
});
