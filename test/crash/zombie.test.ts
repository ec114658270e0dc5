import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerProcess } from '../harness/system.ts';
import { changesSoFar, eventually, untilTaskRuns } from '../system/lab-view.ts';
import { CONTAINER_MEANWHILE } from './container-scenarios.ts';
import { IMAGE_MEANWHILE } from './image-scenarios.ts';
import type { Stage } from './stage.ts';
import { GROUPS_OF_CONTAINERS, isOfContainers, isOfHosts, Walk, type Walked, type Walker } from './walk.ts';

// SIGSTOP past the lock, another worker takes over and ends the jobs, SIGCONT: the first changes nothing. As in the walk, one process is
// stopped with every scenario's job at a boundary of its own; the one that takes over is the next to be stopped.

/** What happens to the thing before the sleeper wakes: its old intention would now be harm. */
const MEANWHILE: Readonly<Record<string, (stage: Stage, name: string) => Promise<unknown>>> = {
  'create-block': (stage, name) => stage.succeed('volume.remove', { name }),
  'clone-block': (stage, name) => stage.succeed('volume.remove', { name }),
  'remove-block': (stage, name) => stage.succeed('volume.create', { name, options: { Capacity: '8MiB' } }),
  'expand-detached': (stage, name) => stage.succeed('volume.attach', { volume: name, machine: stage.machine }),
  attach: async (stage, name) => {
    await stage.succeed('volume.detach', { volume: name });
    await stage.succeed('volume.attach', { volume: name, machine: 'lab-vm-1' });
  },
  detach: (stage, name) => stage.succeed('volume.attach', { volume: name, machine: stage.machine }),
  ...IMAGE_MEANWHILE,
  ...CONTAINER_MEANWHILE,
};

/** Boundaries at which something would leave for vSphere or Redis, and waits. */
const isTelling = (at: string): boolean => at.startsWith('before ') && at !== 'before claims.acquire';

describe('a worker that slept past its lock', () => {
  let walk: Walk;
  beforeAll(async () => {
    walk = await Walk.open();
  });
  const workers: WorkerProcess[] = [];
  const start = async (): Promise<WorkerProcess> => {
    const worker = await walk.crash.startWorker();
    workers.push(worker);
    return worker;
  };
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await walk.crash.system.lab('POST', '/reset');
  });
  afterAll(() => walk.close());

  const gaveUp = async (worker: WorkerProcess, walked: readonly Walked[]): Promise<void> => {
    const missing = async (): Promise<readonly string[]> => {
      const lines = (await readFile(worker.logFile, 'utf8'))
        .split('\n')
        .filter((line) => line.includes('the attempt was given up'));
      return walked.filter(({ job }) => !lines.some((line) => line.includes(job))).map(({ name }) => name);
    };
    await eventually('the sleeper to give its attempts up', async () => (await missing()).length === 0).catch(
      async () => {
        expect(await missing(), 'did not give their attempt up').toEqual([]);
      },
    );
  };

  const everything = async (walked: readonly Walked[]): Promise<unknown> => {
    const { system } = walk.crash;
    const jobs = await Promise.all(walked.map(({ job }) => system.store.jobs.read(job)));
    const records = await Promise.all(
      (['volume', 'image', 'layer', 'container', 'container-name'] as const).map(async (type) =>
        system.store.records.list(type, { limit: 1_000 }),
      ),
    );
    // The Tasks are over: to cancel one of them changes nothing.
    const { CancelTask: _, ...changes } = await changesSoFar(system);
    const disks = (await system.lab('GET', '/disks')) as readonly {
      readonly locks: readonly { readonly vm: string }[];
    }[];
    // The lab lists locks in no order.
    const sorted = disks.map((disk) => ({ ...disk, locks: disk.locks.toSorted((a, b) => (a.vm < b.vm ? -1 : 1)) }));
    return { jobs, records, disks: sorted, changes };
  };

  /** Nobody waits for jobs that remove anonymous volumes. */
  async function untilQuiet(): Promise<void> {
    const { jobs } = walk.crash.system.store;
    await eventually('all jobs to be over', async () => {
      const lists = await Promise.all(
        (['waiting', 'running'] as const).map((state) => jobs.list({ state }, { limit: 1 })),
      );
      return lists.every(({ items }) => items.length === 0);
    });
  }

  /** The sleeper wakes, notices, and has changed nothing. */
  async function wake(sleeper: WorkerProcess, walked: readonly Walked[]): Promise<void> {
    await untilQuiet();
    const before = await everything(walked);
    sleeper.kill('SIGCONT');
    await gaveUp(sleeper, walked);
    expect(await everything(walked)).toEqual(before);
    sleeper.kill('SIGKILL');
    await sleeper.exited;
  }

  it.for([
    {
      what: 'volumes and images',
      isOne: (kind: string) => kind !== 'reconcile.run' && !isOfContainers(kind) && !isOfHosts(kind),
    },
    ...GROUPS_OF_CONTAINERS,
  ])('changes nothing when it wakes, wherever it was with $what', { timeout: 900_000 }, async ({ isOne }) => {
    const walkers = walk.walkers.filter(({ kind }) => isOne(kind));
    const stops = new Map<Walker, readonly number[]>();
    for (const [walker, lines] of await walk.count(walkers)) {
      stops.set(
        walker,
        lines.filter(({ at }) => isTelling(at)).map(({ number }) => number),
      );
    }
    let worker = await start();
    const last = Math.max(...[...stops.values()].map(({ length }) => length));
    for (let round = 1; round <= last; round += 1) {
      const sleeping = walkers.filter((walker) => (stops.get(walker)?.length ?? 0) >= round);
      await walk.setUp(sleeping, round);
      walk.plan(sleeping, round, (walker) => ({ stopAt: stops.get(walker)?.[round - 1] ?? 0 }));
      const walked = await walk.submit(sleeping, round);
      await walk.untilDown(
        worker,
        walked.map(({ name }) => name),
      );
      const sleeper = worker;
      walk.plan(sleeping, round);
      worker = await start();
      await walk.verify(walked);
      await Promise.all(walked.map(async ({ walker, name }) => MEANWHILE[walker.scenario.title]?.(walker.stage, name)));
      await wake(sleeper, walked);
    }
  });

  it('changes nothing when it was stopped while it waited for a Task', async () => {
    const { crash } = walk;
    await crash.system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 60_000 });
    const sleeper = await start();
    const job = await crash.system.begin('volume.create', { name: 'awaited', options: { Capacity: '8MiB' } });
    await untilTaskRuns(crash.system, 'CreateVirtualDisk_Task');
    sleeper.kill('SIGSTOP');
    await crash.system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 0 });
    await start();
    expect(await crash.system.end(job)).toMatchObject({ state: 'succeeded' });
    await crash.system.run('volume.remove', { name: 'awaited' });
    const [walker] = walk.walkers;
    if (walker === undefined) throw new Error('no scenario');
    await wake(sleeper, [{ walker, name: 'awaited', job }]);
  });
});
