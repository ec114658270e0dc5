import { expect } from 'vitest';
import type { Job } from '../../core/job.ts';
import type { Scenario, VolumeAfter } from './scenario.ts';
import type { Stage } from './stage.ts';
import { makeFirst, wholeVolume } from './volume-scenarios.ts';

const LETTERS = 3;
const MIB = 1_048_576;

const lettersOf = (name: string): string => `letters.${name}`;
const volumesOf = (name: string): readonly string[] =>
  Array.from({ length: LETTERS }, (_, at) => `letter-${at}.${name}`);

/** Jobs that fail for good, because their volumes are not there. */
async function dieFirst({ system }: Stage, name: string): Promise<void> {
  for (const volume of volumesOf(name)) {
    const submitter = { actor: lettersOf(name), role: 'admin' } as const;
    const { id } = await system.submit('volume.expand', { name: volume, capacity: '16MiB' }, submitter);
    expect(await system.end(id)).toMatchObject({ state: 'dead' });
  }
}

async function jobsBy({ system }: Stage, actor: string): Promise<readonly Job[]> {
  const { items } = await system.store.jobs.list({ actor }, { limit: 100 });
  return Promise.all(items.map(({ id }) => system.end(id)));
}

/** By kind. */
export const DEAD_SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  'dead.redrive': [
    {
      title: 'redrive',
      setup: async (stage, name) => {
        await dieFirst(stage, name);
        for (const volume of volumesOf(name)) await makeFirst(stage, volume);
      },
      payload: (name) => ({ filter: { actor: lettersOf(name) }, ratePerSecond: 100 }),
      after: async (name, stage) => {
        const [run] = await jobsBy(stage, name);
        const all = { matched: LETTERS, redriven: LETTERS, skipped: 0, failedAgain: 0 };
        expect(run?.result, name).toEqual(all);
        const letters = await jobsBy(stage, lettersOf(name));
        const once = { state: 'succeeded', redriveCount: 1, redriveRun: run?.id };
        expect(letters, name).toMatchObject(Array.from({ length: LETTERS }, () => once));
        return volumesOf(name).map((volume): VolumeAfter => ({ ...wholeVolume(volume), capacityBytes: 2 * 8 * MIB }));
      },
    },
  ],
  'dead.discard': [
    {
      title: 'discard',
      setup: dieFirst,
      payload: (name) => ({ filter: { actor: lettersOf(name) }, reason: `for ${name}` }),
      after: async (name, stage) => {
        const [run] = await jobsBy(stage, name);
        expect(run?.result, name).toEqual({ matched: LETTERS, discarded: LETTERS, skipped: 0 });
        const letters = await jobsBy(stage, lettersOf(name));
        const given = { state: 'failed', discardReason: `for ${name}` };
        expect(letters, name).toMatchObject(Array.from({ length: LETTERS }, () => given));
        return [];
      },
    },
  ],
};
