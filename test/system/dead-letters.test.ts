import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { eventually } from './lab-view.ts';

/** Jobs that fail for good, because their volumes are not there. */
async function dieMany(system: System, actor: string, count: number): Promise<readonly JobId[]> {
  const submitter = { actor, role: 'admin' } as const;
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const { id } = await system.submit('volume.expand', { name: `${actor}-${at}`, capacity: '1GB' }, submitter);
      return id;
    }),
  );
  await Promise.all(ids.map(async (id) => expect(await system.end(id)).toMatchObject({ state: 'dead' })));
  return ids;
}

async function readAll(system: System, ids: readonly JobId[]): Promise<readonly Job[]> {
  return Promise.all(ids.map((id) => system.end(id)));
}

const progressOf = async (system: System, id: JobId): Promise<number> =>
  (await system.store.jobs.progress([id])).get(id)?.current ?? 0;

describe('many dead letters at once', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ workers: 2 });
  });
  afterAll(() => system.close());

  const redrive = (actor: string, more: JsonObject = {}): JsonObject => ({
    filter: { actor },
    stopAfterFailures: 1_000_000,
    ...more,
  });

  it('are redriven at a steady rate, oldest death first, and those that die again are counted', async () => {
    const ids = await dieMany(system, 'steady', 120);
    const startedAt = performance.now();
    const run = await system.run('dead.redrive', redrive('steady', { ratePerSecond: 60 }));
    const tookMs = performance.now() - startedAt;
    expect(run).toMatchObject({
      state: 'succeeded',
      result: { matched: 120, redriven: 120, skipped: 0, failedAgain: 120 },
    });
    expect(tookMs).toBeGreaterThan(1_900);
    const jobs = await readAll(system, ids);
    expect(
      jobs.every(
        ({ state, redriveCount, redriveRun }) => state === 'dead' && redriveCount === 1 && redriveRun === run.id,
      ),
    ).toBe(true);
    const { items } = await system.store.deadLetters.groups({}, { limit: 10 });
    expect(items).toMatchObject([{ kind: 'volume.expand', count: 120 }]);
  });

  it('the rest stays where it is when somebody cancels half-way', { timeout: 120_000 }, async () => {
    const ids = await dieMany(system, 'halfway', 500);
    const id = await system.begin('dead.redrive', redrive('halfway', { ratePerSecond: 100 }));
    await eventually('half of them to be redriven', async () => (await progressOf(system, id)) >= 250);
    await system.store.jobs.cancel(id, 'ann');
    const run = await system.end(id);
    expect(run).toMatchObject({ state: 'cancelled', cancelRequestedBy: 'ann', notes: { matched: 500 } });
    const redriven = (await readAll(system, ids)).filter(({ redriveRun }) => redriveRun === id);
    expect(run.notes['settled']).toBe(redriven.length);
    expect(redriven.length).toBeGreaterThanOrEqual(250);
    expect(redriven.length).toBeLessThan(400);
  });

  it('it stops by itself when what it redrives dies again', async () => {
    await dieMany(system, 'useless', 100);
    const run = await system.run('dead.redrive', {
      filter: { actor: 'useless' },
      ratePerSecond: 20,
      stopAfterFailures: 5,
    });
    expect(run).toMatchObject({
      state: 'succeeded',
      result: { matched: 100, stopped: expect.stringMatching(/^\d+ of the \d+ that were put back are dead again$/) },
    });
    expect(run.result?.['redriven']).toBeLessThan(15);
    expect(run.result?.['failedAgain']).toBe(run.result?.['redriven']);
  });

  it('those that are redriven or discarded by others meanwhile are skipped, and those named go in the order of death', async () => {
    const ids = await dieMany(system, 'others', 30);
    const id = await system.begin('dead.redrive', {
      ids: [...ids],
      ratePerSecond: 10,
      stopAfterFailures: 1_000,
    });
    await eventually('it to have begun', async () => (await progressOf(system, id)) >= 1);
    const waiting = (await readAll(system, ids)).filter(({ redriveCount }) => redriveCount === 0);
    const others = waiting.toSorted((a, b) => ((a.finishedAt ?? '') < (b.finishedAt ?? '') ? 1 : -1)).slice(0, 5);
    for (const { id: each } of others) await system.store.jobs.discard(each, 'bob', 'no use');
    expect(await system.end(id)).toMatchObject({ result: { matched: 30, redriven: 25, skipped: 5 } });
  });

  it('a worker that takes over from one that was killed goes on where it was, and redrives none twice', {
    timeout: 120_000,
  }, async () => {
    const ids = await dieMany(system, 'handed', 300);
    const id = await system.begin('dead.redrive', redrive('handed', { ratePerSecond: 100 }));
    await eventually('it to have begun', async () => (await progressOf(system, id)) >= 60);
    const worker = (await system.store.jobs.read(id))?.attempts.at(-1)?.worker ?? '';
    process.kill(Number(worker.split(':').at(-1)), 'SIGKILL');
    const run = await system.end(id);
    expect(run).toMatchObject({ state: 'succeeded', result: { matched: 300, redriven: 300, skipped: 0 } });
    expect(run.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
    const jobs = await readAll(system, ids);
    expect(jobs.filter(({ redriveCount }) => redriveCount !== 1)).toEqual([]);
  });

  it('are discarded for one reason', async () => {
    const ids = await dieMany(system, 'unwanted', 50);
    const payload = { filter: { actor: 'unwanted', kind: 'volume.expand' }, reason: 'by mistake' };
    const { id } = await system.submit('dead.discard', payload, { actor: 'ann', role: 'operator' });
    expect(await system.end(id)).toMatchObject({ result: { matched: 50, discarded: 50, skipped: 0 } });
    for (const job of await readAll(system, ids))
      expect(job).toMatchObject({ state: 'failed', discardReason: 'by mistake' });
    const last = ids.at(-1) ?? '';
    const { items } = await system.store.events.list({ limit: 1, subject: `job:${last}` });
    expect(items).toMatchObject([{ type: 'job.discarded', data: { by: 'ann', reason: 'by mistake' } }]);
  });
});
