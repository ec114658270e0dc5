import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_KINDS } from '../../jobs/all.ts';
import { SCENARIOS } from './scenarios.ts';
import { GROUPS_OF_CONTAINERS, isOfImages, Walk, type Walked } from './walk.ts';

// Kill -9 at every boundary of every kind. Round 0 counts each scenario's boundaries. In round n one worker runs every scenario that has an
// n-th boundary, each job stands still at it, and then the process dies; the worker of the next round ends those jobs, and is the next to die.

describe('a worker that is killed at any boundary of any kind', () => {
  let walk: Walk;
  beforeAll(async () => {
    walk = await Walk.open();
  });
  afterAll(() => walk.close());

  it('every kind of the catalogue has a scenario', () => {
    expect(ALL_KINDS.map(({ kind }) => kind).filter((kind) => (SCENARIOS[kind] ?? []).length === 0)).toEqual([]);
    expect(Object.keys(SCENARIOS).filter((kind) => ALL_KINDS.every((each) => each.kind !== kind))).toEqual([]);
  });

  // How many boundaries a reconcile has depends on what else is under way: it goes alone.
  it.for([
    { what: 'volume jobs', isAlone: false, isOne: (kind: string) => kind.startsWith('volume.') },
    { what: 'recovery jobs', isAlone: true, isOne: (kind: string) => kind.endsWith('.recover') },
    // A host that is drained is one less for all others.
    { what: 'drains of hosts', isAlone: true, isOne: (kind: string) => kind.endsWith('drain') },
    { what: 'a reconcile', isAlone: true, isOne: (kind: string) => kind === 'reconcile.run' },
    { what: 'image jobs', isAlone: false, isOne: isOfImages },
    ...GROUPS_OF_CONTAINERS.map((group) => ({ ...group, isAlone: false })),
  ])('another worker ends $what, and everything is there once', { timeout: 900_000 }, async ({ isAlone, isOne }) => {
    const walkers = walk.walkers.filter(({ kind }) => isOne(kind));
    const boundaries = await walk.count(walkers);
    let worker = await walk.crash.startWorker();
    let before: readonly Walked[] = [];
    const last = Math.max(...[...boundaries.values()].map(({ length }) => length));
    for (let round = 1; round <= last; round += 1) {
      const dying = walkers.filter((walker) => (boundaries.get(walker)?.length ?? 0) >= round);
      const verified = walk.verify(before);
      // What the reconcile of the round before has still to find is not to be this one's.
      if (isAlone) await verified;
      await Promise.all([walk.setUp(dying, round), verified]);
      walk.plan(dying, round, () => ({ dieAt: round }));
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
  });
});
