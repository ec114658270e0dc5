import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecoveryBed } from '../harness/recovery-bed.ts';

const TWENTY = Array.from({ length: 20 }, (_, n) => `c${n + 1}`);

describe('a host that fails', { timeout: 300_000 }, () => {
  let bed: RecoveryBed;
  beforeAll(async () => {
    bed = await RecoveryBed.open();
  });
  afterAll(() => bed.close());

  it('has its twenty containers running on other hosts soon, with their volumes', async () => {
    await bed.containers(TWENTY, 'esx-1.lab');
    await bed.system.lab('DELETE', '/tasks');
    const recovery = await bed.failAndRecover('esx-1.lab');
    expect(recovery).toMatchObject({ state: 'succeeded', result: { recovered: 20, lost: 0, unchanged: 0 } });
    for (const name of TWENTY) await bed.expectRunning(name);
    await bed.expectStory(recovery, 20);
    await bed.settleBack('esx-1.lab');
    await bed.quiet();
    for (const name of TWENTY) await bed.expectRunning(name);
    await bed.expectNothingDeleted();
  });

  it('with vSphere HA on, has them restarted by that', async () => {
    await bed.ha(true);
    const host = 'esx-2.lab';
    const recovery = await bed.failAndRecover(host);
    expect(recovery).toMatchObject({ state: 'succeeded', result: { lost: 0 } });
    await bed.quiet();
    for (const name of TWENTY) await bed.expectRunning(name);
    const outcomes = (recovery.result?.['containers'] ?? []) as readonly { readonly outcome: string }[];
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['restarted-by-ha']));
    await bed.settleBack(host);
    await bed.quiet();
    await bed.ha(false);
  });

  it('has them on the last host when two of three fail, one soon after the other', async () => {
    await bed.system.lab('DELETE', '/tasks');
    const first = await bed.recoveries('esx-1.lab');
    const second = await bed.recoveries('esx-3.lab');
    await bed.fail('esx-1.lab');
    const begun = await bed.recoveryOf('esx-1.lab', first);
    await bed.fail('esx-3.lab');
    expect(await bed.system.end(begun)).toMatchObject({ state: 'succeeded', result: { lost: 0 } });
    const other = await bed.system.end(await bed.recoveryOf('esx-3.lab', second));
    expect(other).toMatchObject({ state: 'succeeded', result: { lost: 0 } });
    await bed.quiet();
    for (const name of TWENTY) await bed.expectRunning(name);
    await bed.settleBack('esx-1.lab');
    await bed.settleBack('esx-3.lab');
    await bed.quiet();
    for (const name of TWENTY) await bed.expectRunning(name);
    await bed.expectNothingDeleted();
  });

  it('takes its most important containers first', async () => {
    await bed.containers(['low', 'high', 'middle'], 'esx-3.lab', {});
    await bed.containers(['first'], 'esx-3.lab', { labels: { 'stowage.recovery.priority': '10' } });
    await bed.containers(['last'], 'esx-3.lab', { labels: { 'stowage.recovery.priority': '-1' } });
    const recovery = await bed.failAndRecover('esx-3.lab');
    const names = ((recovery.result?.['containers'] ?? []) as readonly { readonly name: string }[]).map(
      ({ name }) => name,
    );
    expect(names[0]).toBe('first');
    expect(names.at(-1)).toBe('last');
    await bed.giveBack('esx-3.lab');
  });
});
