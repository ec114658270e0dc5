import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { startSystem, type System, type WorkerProcess } from '../harness/system.ts';
import { disksOf, eventually, filesWith, untilTaskRuns } from '../system/lab-view.ts';
import { type CrashSystem, crashSystem } from './stage.ts';

const OPTIONS = { Capacity: '1MiB' };
/** From the signal until another worker has the job; the lock would be there for 30 s. */
const HANDOVER_MS = 4_000;
const LEADER = '{stowage}:leader';

describe('jobs in trouble', () => {
  let system: System;
  let crash: CrashSystem;
  let redis: Redis;
  const workers: WorkerProcess[] = [];
  beforeAll(async () => {
    system = await startSystem({ workers: 0, lockMs: 1_000 });
    redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    crash = crashSystem(system, redis);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await system.lab('POST', '/reset');
    crash.plan({});
  });
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  });

  const start = async (env: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> => {
    const worker = await crash.startWorker(env);
    workers.push(worker);
    return worker;
  };
  const create = (name: string): Promise<JobId> => system.begin('volume.create', { name, options: OPTIONS });
  const read = async (id: JobId): Promise<Job> => {
    const job = await system.store.jobs.read(id);
    if (job === undefined) throw new Error(`job ${id} is gone`);
    return job;
  };
  const failuresOf = async (id: JobId): Promise<number> =>
    Number((await redis.hget(`{stowage}:job:${id}`, 'failures')) ?? '0');
  const slowTask = (ms: number): Promise<unknown> =>
    system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms });
  const expectUndone = async (name: string): Promise<void> => {
    expect(await disksOf(system, name)).toEqual([]);
    expect(await filesWith(system, `/${name}`)).toEqual([]);
    expect(await system.volume(name)).toBeUndefined();
  };

  it('an entry that is lost is made again', async () => {
    const id = await create('lost_entry');
    expect(await redis.del(`{stowage}:bull:default:${id}.1`)).toBe(1);
    await redis.lrem('{stowage}:bull:default:wait', 0, `${id}.1`);
    await start();
    expect(await system.end(id)).toMatchObject({ state: 'succeeded', attempts: [{ outcome: 'succeeded' }] });
  });

  it('a leader that is killed is followed by another within its lease', async () => {
    const both = [await start(), await start()];
    const leader = (): Promise<WorkerProcess | undefined> =>
      redis.get(LEADER).then((holder) => both.find((worker) => holder?.endsWith(`:${worker.pid}`) === true));
    const first = await eventually('a leader', leader);
    first.kill('SIGKILL');
    await first.exited;
    const vacant = startFairClock();
    const next = await eventually('another leader', async () => {
      const now = await leader();
      return now !== undefined && now !== first ? now : undefined;
    });
    expect(vacant.elapsedMs()).toBeLessThan(6_000);
    expect(next.pid).not.toBe(first.pid);
  });

  it('a leader that stops gives the lead back at once', async () => {
    const first = await start();
    await eventually('a leader', async () => (await redis.get(LEADER))?.endsWith(`:${first.pid}`));
    await first.stop();
    expect(await redis.get(LEADER)).toBeNull();
  });

  it('a worker that hangs keeps no job from the others', async () => {
    const hung = await start();
    await start();
    hung.kill('SIGSTOP');
    // A hung worker's wake-ups are lost with it: one for each of its connections that waited.
    for (const name of ['beside-1', 'beside-2', 'beside-3']) {
      const clock = startFairClock();
      expect(await system.run('volume.create', { name, options: OPTIONS })).toMatchObject({ state: 'succeeded' });
      expect(clock.elapsedMs()).toBeLessThan(4_000);
    }
  });

  it('a job that kills its workers ends as a dead letter, undone', { timeout: 300_000 }, async () => {
    crash.plan({ poison: { alwaysDieAt: 'before disks.create' } });
    const id = await crash.begin('poison', 'volume.create', { name: 'poisoned', options: OPTIONS });
    const alive: WorkerProcess[] = [];
    const isOver = async (): Promise<boolean> => (await read(id)).state === 'dead';
    while (!(await isOver())) {
      alive.push(await start());
      if (alive.length > 20) throw new Error(`still not over: ${JSON.stringify(await read(id))}`);
      if (alive.length > 2)
        await Promise.race([alive.shift()?.exited, system.store.jobs.waitUntilOver(id, AbortSignal.timeout(20_000))]);
    }
    const job = await read(id);
    expect(job).toMatchObject({ state: 'dead', error: { code: 'worker-lost' } });
    const outcomes = job.attempts.map((attempt) => attempt.outcome);
    expect(outcomes).toEqual([...Array.from({ length: 11 }, () => 'lost'), 'dead']);
    await expectUndone('poisoned');
  });

  it('a kind that no worker knows waits for one that does', async () => {
    const old = await start({ CRASH_WITHOUT: 'volume.create' });
    const id = await create('newer_kind');
    await eventually('the old worker to put it back', async () => (await read(id)).attempts[0]?.outcome === 'retry');
    expect(await read(id)).toMatchObject({ state: 'waiting', error: { code: 'kind-unknown' } });
    expect(await failuresOf(id)).toBe(0);
    await old.stop();
    await start();
    expect(await system.end(id)).toMatchObject({ state: 'succeeded' });
  });

  it('a waiting job is cancelled at once, and the one behind it goes on', async () => {
    await start();
    await slowTask(60_000);
    const [first, second, third] = [
      await create('queued'),
      await system.begin('volume.expand', { name: 'queued', capacity: '2MiB' }),
      await system.begin('volume.remove', { name: 'queued' }),
    ];
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    expect(await system.store.jobs.cancel(second, 'test')).toBe('cancelled');
    expect(await read(second)).toMatchObject({ state: 'cancelled', attempts: [], error: { code: 'job-cancelled' } });
    await slowTask(0);
    expect(await system.end(first)).toMatchObject({ state: 'succeeded' });
    expect(await system.end(third)).toMatchObject({ state: 'succeeded' });
    await expect(system.store.jobs.cancel(first, 'test')).rejects.toMatchObject({ code: 'job-not-cancellable' });
  });

  it('a running job that is cancelled undoes what it began', async () => {
    await start();
    await slowTask(60_000);
    const id = await create('running');
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    expect(await system.store.jobs.cancel(id, 'somebody')).toBe('requested');
    const job = await system.end(id);
    expect(job).toMatchObject({ state: 'cancelled', error: { code: 'job-cancelled' }, cancelRequestedBy: 'somebody' });
    await expectUndone('running');
  });

  it('a running job whose worker missed the message is cancelled all the same', async () => {
    await start();
    await slowTask(60_000);
    const id = await create('unheard');
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    // All that a cancellation leaves when its message is lost.
    await redis.hset(`{stowage}:job:${id}`, 'cancelBy', 'somebody');
    expect(await system.end(id)).toMatchObject({ state: 'cancelled', cancelRequestedBy: 'somebody' });
    await expectUndone('unheard');
  });

  it('a job that waits for its next attempt is cancelled and undone', async () => {
    await start();
    await system.lab('POST', '/faults', { method: 'CreateVirtualDisk_Task', fault: 'TaskInProgress', count: -1 });
    const id = await create('backing_off');
    await eventually(
      'a third attempt to be due',
      async () => (await read(id)).attempts.filter(({ outcome }) => outcome === 'retry').length >= 2,
    );
    expect(await system.store.jobs.cancel(id, 'test')).toBe('requested');
    expect(await system.end(id)).toMatchObject({ state: 'cancelled', error: { code: 'job-cancelled' } });
    await expectUndone('backing_off');
  });

  it('a job past its deadline is undone and dead', async () => {
    await slowTask(60_000);
    const id = await create('too_late');
    const spec = JSON.parse((await redis.hget(`{stowage}:job:${id}`, 'spec')) ?? '') as object;
    await redis.hset(`{stowage}:job:${id}`, 'spec', JSON.stringify({ ...spec, deadlineMs: 1_000 }));
    await start();
    expect(await system.end(id)).toMatchObject({ state: 'dead', error: { code: 'deadline-exceeded' } });
    await expectUndone('too_late');
  });

  it('a worker that is told to stop hands its job over, without a lock to wait for or an attempt spent', async () => {
    const longLock = { STOWAGE_LOCK_MS: '30000' };
    const first = await start(longLock);
    await slowTask(60_000);
    const id = await create('handed_over');
    await untilTaskRuns(system, 'CreateVirtualDisk_Task');
    await start(longLock);
    const handover = startFairClock();
    first.kill('SIGTERM');
    await eventually('the other worker to have it', async () => (await read(id)).attempts.length === 2);
    expect(handover.elapsedMs()).toBeLessThan(HANDOVER_MS);
    await first.exited;
    await slowTask(0);
    const job = await system.end(id);
    expect(job).toMatchObject({
      state: 'succeeded',
      attempts: [{ outcome: 'retry', error: { code: 'claim-lost' } }, { outcome: 'succeeded' }],
    });
    expect(await failuresOf(id)).toBe(0);
    expect(job.steps.flatMap((step) => step.tasks.map((task) => task.method))).toEqual(['CreateVirtualDisk_Task']);
  });
});
