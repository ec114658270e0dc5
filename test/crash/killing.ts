import { afterAll, beforeAll, it } from 'vitest';
import type { CrashLine } from '../harness/crash-points.ts';
import { deathsOf, type Group, Walk, type Walked } from './walk.ts';

// Kill -9 at every boundary of every kind. Round 0 counts each scenario's boundaries. In round n one worker runs every scenario that has an
// n-th one to die at, each job stands still at it, and then the process dies; the worker of the next round ends those jobs, and is the next to die.

interface Killing {
  readonly open?: () => Promise<Walk>;
  readonly close?: () => Promise<void>;
  /** The boundaries, of all that a scenario has. */
  readonly choose?: (lines: readonly CrashLine[]) => readonly number[];
}

/** The tests of these groups, one after the other in one system. */
export function killEachOf(
  groups: readonly Group[],
  { open = () => Walk.open(), close, choose = deathsOf }: Killing = {},
): void {
  let walk: Walk;
  beforeAll(async () => {
    walk = await open();
  });
  afterAll(async () => {
    await close?.();
    await walk.close();
  });

  it.for(groups)(
    'another worker ends $what, and everything is there once',
    { timeout: 900_000 },
    async ({ isAlone, isOne }) => {
      const walkers = walk.walkers.filter(({ kind }) => isOne(kind));
      const deaths = await walk.count(walkers, choose);
      let worker = await walk.crash.startWorker();
      let before: readonly Walked[] = [];
      const last = Math.max(...[...deaths.values()].map(({ length }) => length));
      for (let round = 1; round <= last; round += 1) {
        const dying = walkers.filter((walker) => (deaths.get(walker)?.length ?? 0) >= round);
        const verified = walk.verify(before);
        if (isAlone) await verified;
        await Promise.all([walk.setUp(dying, round), verified]);
        walk.plan(dying, round, (walker) => ({ dieAt: deaths.get(walker)?.[round - 1] ?? 0 }));
        before = await walk.submit(dying, round);
        await walk.untilDown(
          worker,
          before.map(({ name }) => name),
        );
        walk.plan(dying, round);
        worker = await walk.crash.startWorker();
      }
      await walk.verify(before);
      await worker.stop();
    },
  );
}
