import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { WorkerProcess } from '../harness/system.ts';
import { changesSoFar, eventually } from '../system/lab-view.ts';
import { CONTAINER_MEANWHILE } from './container-scenarios.ts';
import { IMAGE_MEANWHILE } from './image-scenarios.ts';
import type { Stage } from './stage.ts';
import { type Group, intentionsOf, Walk, type Walked } from './walk.ts';

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

/** The workers of a file of tests, and what becomes of those that sleep. */
export class Sleepers {
  readonly #workers: WorkerProcess[] = [];
  #walk: Walk | undefined;

  get walk(): Walk {
    if (this.#walk === undefined) throw new Error('not before the tests');
    return this.#walk;
  }

  /** To be called where a file's tests are described. */
  static open(): Sleepers {
    const sleepers = new Sleepers();
    beforeAll(async () => {
      sleepers.#walk = await Walk.open();
    });
    afterEach(async () => {
      await Promise.all(sleepers.#workers.splice(0).map((worker) => worker.stop()));
      await sleepers.walk.crash.system.lab('POST', '/reset');
    });
    afterAll(() => sleepers.#walk?.close());
    return sleepers;
  }

  async start(): Promise<WorkerProcess> {
    const worker = await this.walk.crash.startWorker();
    this.#workers.push(worker);
    return worker;
  }

  /** The sleeper wakes, notices, and has changed nothing. */
  async wake(sleeper: WorkerProcess, walked: readonly Walked[]): Promise<void> {
    await untilQuiet(this.walk.crash.system);
    const before = await everything(this.walk.crash, walked);
    sleeper.kill('SIGCONT');
    await gaveUp(sleeper, walked);
    expect(await everything(this.walk.crash, walked)).toEqual(before);
    sleeper.kill('SIGKILL');
    await sleeper.exited;
  }
}

/** The tests of these groups, one after the other in one system. */
export function stopEachOf(groups: readonly Group[], sleepers: Sleepers): void {
  it.for(groups)(
    'changes nothing when it wakes, wherever it was with $what',
    { timeout: 900_000 },
    async ({ isOne }) => {
      const { walk } = sleepers;
      const walkers = walk.walkers.filter(({ kind }) => isOne(kind));
      const stops = await walk.count(walkers, intentionsOf);
      let worker = await sleepers.start();
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
        worker = await sleepers.start();
        await walk.verify(walked);
        await Promise.all(
          walked.map(async ({ walker, name }) => MEANWHILE[walker.scenario.title]?.(walker.stage, name)),
        );
        await sleepers.wake(sleeper, walked);
      }
    },
  );
}

async function gaveUp(worker: WorkerProcess, walked: readonly Walked[]): Promise<void> {
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
}

async function everything({ system }: Walk['crash'], walked: readonly Walked[]): Promise<unknown> {
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
}

/** Nobody waits for jobs that remove anonymous volumes. A job that goes from one state to the next meanwhile may be in neither list. */
async function untilQuiet({ store: { jobs } }: Walk['crash']['system']): Promise<void> {
  const isQuiet = async (): Promise<boolean> => {
    const lists = await Promise.all(
      (['waiting', 'running'] as const).map((state) => jobs.list({ state }, { limit: 1 })),
    );
    return lists.every(({ items }) => items.length === 0);
  };
  await eventually('all jobs to be over', async () => (await isQuiet()) && (await isQuiet()));
}
