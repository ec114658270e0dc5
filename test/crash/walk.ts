import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { CrashLine, CrashOrder, CrashPlan } from '../harness/crash-points.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import type { WorkerProcess } from '../harness/system.ts';
import { eventually } from '../system/lab-view.ts';
import { expectAfter, expectNothingHeld, expectNoTaskTwice } from './aftermath.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { type CrashSystem, crashSystem, type Stage, stageOf } from './stage.ts';

/** A scenario on its way through the rounds. */
export interface Walker {
  readonly kind: string;
  readonly scenario: Scenario;
  readonly stage: Stage;
}

/** A scenario's job in one round. */
export interface Walked {
  readonly walker: Walker;
  readonly name: string;
  readonly job: JobId;
}

const DEATH_MS = 60_000;

/**
 * The boundaries at which a death leaves something of its own: what is outside the process when a call begins is what it was after the call
 * before. Not so for an attempt's first call: others have worked meanwhile.
 */
export function deathsOf(lines: readonly CrashLine[]): readonly number[] {
  return lines
    .filter(({ at }, index) => at.startsWith('after ') || isBeginning(at) || !lines[index - 1]?.at.startsWith('after '))
    .map(({ number }) => number);
}

const isBeginning = (at: string): boolean => at === 'before claims.acquire';

/** Boundaries at which something would leave for vSphere or Redis, and waits. */
export function intentionsOf(lines: readonly CrashLine[]): readonly number[] {
  return lines.filter(({ at }) => at.startsWith('before ') && !isBeginning(at)).map(({ number }) => number);
}

export const isOfContainers = (kind: string): boolean => kind.startsWith('container.');

/** A host that is lost or drained is one less for all others. */
export const isOfHosts = (kind: string): boolean => /\.recover$|drain$/.test(kind);

/** Scenarios that share rounds. */
export interface Group {
  readonly what: string;
  readonly isOne: (kind: string) => boolean;
  /** Its rounds do not overlap: what the round before has still to do would be done by this one. */
  readonly isAlone?: boolean;
}

const BEGINNINGS = ['container.create', 'container.start'];
const ENDINGS = ['container.stop', 'container.kill', 'container.restart', 'container.remove'];

/** Each makes machines, layers' devices and volumes: all at once are too much for the promises of locks on a busy machine. */
export const GROUPS_OF_CONTAINERS: readonly Group[] = [
  { what: 'beginnings of containers', isOne: (kind: string) => BEGINNINGS.includes(kind) },
  { what: 'endings of containers', isOne: (kind: string) => ENDINGS.includes(kind) },
  {
    what: 'other container jobs',
    isOne: (kind: string) => isOfContainers(kind) && ![...BEGINNINGS, ...ENDINGS].includes(kind) && !isOfHosts(kind),
  },
];

export const isOfImages = (kind: string): boolean => /^(?:image|layer)\./.test(kind);

export interface WalkOptions {
  /** By kind. */
  readonly scenarios?: Readonly<Record<string, readonly Scenario[]>>;
  /** Of all workers, beside what they have. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the scenarios in rounds, all at once in each, in a worker that does to them what the round wants. */
export class Walk {
  readonly crash: CrashSystem<ImageSystem>;
  readonly walkers: readonly Walker[];
  /** By scenario: whatever dies on the way, and whatever things are called, a job that fails for good fails for one reason. */
  readonly #fingerprints = new Map<string, string>();

  private constructor(crash: CrashSystem<ImageSystem>, walkers: readonly Walker[]) {
    this.crash = crash;
    this.walkers = walkers;
  }

  static async open({ scenarios = SCENARIOS, env = {} }: WalkOptions = {}): Promise<Walk> {
    // One process holds all scenarios at their boundaries at once.
    // A lock that a busy machine does not let go by itself: nobody is to lose a job but by the death that was planned.
    const system = await startImageSystem({
      workers: 0,
      lockMs: 2_000,
      // No reconcile but those that are asked for: it would release layers that scenarios have made for no image.
      env: { STOWAGE_WORKER_CONCURRENCY: '64', STOWAGE_RECONCILE_INTERVAL_MS: '3600000', CRASH_BLIND: '1', ...env },
    });
    const redis = new Redis({ path: system.redis.socketPath, password: system.redis.password });
    const crash = crashSystem(system, redis);
    const all = Object.entries(scenarios).flatMap(([kind, each]) => each.map((scenario) => ({ kind, scenario })));
    for (const { scenario } of all.filter(({ kind }) => !isOfImages(kind))) {
      await system.lab('POST', '/vms', { count: 1, prefix: scenario.title, poweredOn: true });
    }
    return new Walk(
      crash,
      all.map((each) => ({ ...each, stage: stageOf(crash, `${each.scenario.title}-1`) })),
    );
  }

  async close(): Promise<void> {
    this.crash.redis.disconnect();
    await this.crash.system.close();
  }

  nameOf(walker: Walker, round: number): string {
    return `${walker.scenario.title}.${String(round).padStart(2, '0')}`;
  }

  /** What is to be done with the jobs of a round; without `order`, they run to their end. */
  plan(walkers: readonly Walker[], round: number, order: (walker: Walker) => CrashOrder = () => ({})): void {
    const plan: CrashPlan = Object.fromEntries(
      walkers.map((walker) => {
        const { cancelAt, cancelAtChild } = walker.scenario;
        const cancel = {
          ...(cancelAt === undefined ? {} : { cancelAt }),
          ...(cancelAtChild === undefined ? {} : { cancelAtChild }),
        };
        return [this.nameOf(walker, round), { ...order(walker), ...cancel }];
      }),
    );
    this.crash.plan(plan);
  }

  async setUp(walkers: readonly Walker[], round: number): Promise<void> {
    await Promise.all(walkers.map(async (walker) => walker.scenario.setup?.(walker.stage, this.nameOf(walker, round))));
  }

  submit(walkers: readonly Walker[], round: number): Promise<readonly Walked[]> {
    return Promise.all(
      walkers.map(async (walker) => {
        const name = this.nameOf(walker, round);
        const payload = await walker.scenario.payload(name, walker.stage);
        return { walker, name, job: await this.crash.begin(name, walker.kind, payload) };
      }),
    );
  }

  /** Runs everything once to its end (round 0), in a worker of its own: at which boundaries each scenario is to be met, of those it has. */
  async count(
    walkers: readonly Walker[],
    choose: (lines: readonly CrashLine[]) => readonly number[],
  ): Promise<ReadonlyMap<Walker, readonly number[]>> {
    // A job that loses its claim for want of a CPU passes boundaries twice, and later rounds would wait for some that there are not.
    const worker = await this.crash.startWorker({ STOWAGE_LOCK_MS: '60000' });
    this.plan(walkers, 0);
    // The one that the first worker runs on an empty Redis.
    await this.crash.system.run('reconcile.run', {});
    await this.setUp(walkers, 0);
    await this.verify(await this.submit(walkers, 0));
    await worker.stop();
    const report = this.crash.report().filter((line) => line.at !== 'over');
    return new Map(
      walkers.map((walker) => {
        const lines = report.filter((line) => line.actor === this.nameOf(walker, 0));
        expect(lines.length, walker.scenario.title).toBeGreaterThan(4);
        return [walker, choose(lines)];
      }),
    );
  }

  /** Resolves when the process has killed or stopped itself; names the jobs that did not come to their boundary. */
  async untilDown(worker: WorkerProcess, expected: readonly string[]): Promise<void> {
    await eventually(`worker ${worker.pid} to be dead or stopped`, () => isDown(worker.pid), DEATH_MS).catch(
      () => undefined,
    );
    const came = new Set(
      this.crash
        .report()
        .filter((line) => line.pid === worker.pid && line.at !== 'over')
        .map(({ actor }) => actor),
    );
    const early = this.crash
      .report()
      .filter((line) => line.pid === worker.pid && line.at === 'over')
      .map(({ actor }) => actor);
    expect(
      expected.filter((name) => !came.has(name) || early.includes(name)),
      'never at their boundary',
    ).toEqual([]);
    expect(await isDown(worker.pid)).toBe(true);
  }

  /** Every job has ended as its scenario says, and what it made is there once. */
  async verify(walked: readonly Walked[]): Promise<void> {
    const outcomes = await Promise.allSettled(walked.map((each) => this.#verifyOne(each)));
    const failures = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    if (failures.length > 1) throw new Error(failures.map(String).join('\n\n'));
    if (failures.length > 0) throw failures[0];
  }

  async #verifyOne({ walker, name, job: id }: Walked): Promise<Job> {
    const { crash } = this;
    const job = await crash.system.end(id);
    const last = crash.report().findLast((line) => line.job === id && line.at !== 'over');
    const at = `of ${name}, interrupted at ${name.slice(-2)} (the last boundary was ${last?.number ?? 0}, ${last?.at ?? 'none'})`;
    expect(job, `${name} ${at}`).toMatchObject({ state: walker.scenario.ends ?? 'succeeded', kind: walker.kind });
    if (job.state === 'dead') {
      const { title } = walker.scenario;
      const known = this.#fingerprints.get(title) ?? job.error?.fingerprint ?? '';
      this.#fingerprints.set(title, known);
      expect(job.error, `${name} ${at}`).toMatchObject({ fingerprint: known });
    }
    const afters = await walker.scenario.after(name, walker.stage);
    await expectNothingHeld(crash, job, at);
    for (const after of afters) await expectAfter(crash, after, job, at);
    const ofContainer = job.payload['id'];
    const names = [
      name,
      ...afters.map((after) => after.name.replace('sha256:', '')),
      ...(typeof ofContainer === 'string' ? [ofContainer] : []),
    ];
    const wasUndone = job.state !== 'succeeded';
    await expectNoTaskTwice(crash, job, { names, machine: walker.stage.machine, at, wasUndone });
    return job;
  }
}

/** Dead (perhaps not waited for yet) or stopped, as Linux says. */
async function isDown(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return /\) [TZX]/.test(stat);
}
