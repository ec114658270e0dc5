import { describe, expect, it } from 'vitest';
import { ALL_KINDS } from '../../jobs/all.ts';
import { killEachOf } from './killing.ts';
import { SCENARIOS } from './scenarios.ts';
import { isOfImages } from './walk.ts';

describe('a worker that is killed at any boundary of any kind', () => {
  it('every kind of the catalogue has a scenario', () => {
    expect(ALL_KINDS.map(({ kind }) => kind).filter((kind) => (SCENARIOS[kind] ?? []).length === 0)).toEqual([]);
    expect(Object.keys(SCENARIOS).filter((kind) => ALL_KINDS.every((each) => each.kind !== kind))).toEqual([]);
  });

  killEachOf([
    { what: 'volume jobs', isOne: (kind) => kind.startsWith('volume.') },
    // How many boundaries a reconcile has depends on what else is under way.
    { what: 'a reconcile', isAlone: true, isOne: (kind) => kind === 'reconcile.run' },
    // Who asks for it while it is under way gets the one that is.
    { what: 'an examination', isAlone: true, isOne: (kind) => kind === 'doctor.run' },
    { what: 'image jobs', isOne: isOfImages },
    { what: 'jobs that work through dead letters', isOne: (kind) => kind.startsWith('dead.') },
  ]);
});
