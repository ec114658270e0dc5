import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { JobStore } from '../../core/ports/jobs.ts';

// What a crash worker does at the boundaries of its jobs' steps. A boundary is the moment before or after a call of a port that writes to
// Redis or changes vSphere: what a crash there leaves is what a crash anywhere until the next boundary leaves.

/** What to do with the jobs of one submitter. */
export interface CrashOrder {
  /** The process is to die when the job is at this boundary, counted from 1. */
  readonly dieAt?: number;
  /** The process is to stop (SIGSTOP) when the job is at this boundary; the job goes on when the process does. */
  readonly stopAt?: number;
  /** The job is cancelled at the first boundary of this name, and goes on once it has been told. */
  readonly cancelAt?: string;
  /** The job is cancelled when a child of it is at the boundary of this name, and it waits for its children; the child goes on once it has been told. */
  readonly cancelAtChild?: string;
  /** The job is held after this read, e.g. `machines.findByDisk`, for as long as the plan says so; the report has a line `held`. */
  readonly holdAfter?: string;
  /** The process dies at the first boundary of this name, in each attempt. */
  readonly alwaysDieAt?: string;
}

/** By the job's actor: tests submit under an actor of its own what they want to see die. Read anew for each entry. */
export type CrashPlan = Readonly<Record<string, CrashOrder>>;

/** A line of the report: a boundary that a planned job came to, or its end in this process. */
export interface CrashLine {
  readonly actor: string;
  readonly job: JobId;
  readonly pid: number;
  readonly number: number;
  readonly at: string;
}

export function readReport(file: string): readonly CrashLine[] {
  const lines = readFileSync(file, { encoding: 'utf8', flag: 'a+' }).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CrashLine);
}

/** How long a signal to oneself may take. */
const STOP_ARRIVES_MS = 50;

interface Attempt {
  readonly job: JobId;
  readonly actor: string;
  /** Whose child it is, where that is planned and the job itself is not: its boundaries are not counted. */
  readonly parent?: Job;
}

export interface CrashPointsParts {
  readonly planFile: string;
  readonly reportFile: string;
  readonly jobs: Pick<JobStore, 'read' | 'cancel'>;
}

/**
 * Counts the boundaries of planned jobs. A job that has come to its last boundary stays there; once all of the plan are there, the process
 * kills or stops itself, so that one death ends many jobs, each at its own boundary.
 */
export class CrashPoints {
  readonly #parts: CrashPointsParts;
  readonly #attempts = new AsyncLocalStorage<Attempt>();
  readonly #counts = new Map<JobId, number>();
  readonly #settled = new Set<string>();
  readonly #cancelled = new Set<JobId>();
  readonly #awake = Promise.withResolvers<void>();

  constructor(parts: CrashPointsParts) {
    this.#parts = parts;
  }

  #plan(): CrashPlan {
    return JSON.parse(readFileSync(this.#parts.planFile, 'utf8')) as CrashPlan;
  }

  /** Runs an attempt; the boundaries that it passes are the job's. */
  async attempt<T>(job: Job | undefined, work: () => Promise<T>, isOver: () => Promise<boolean>): Promise<T> {
    if (job === undefined) return work();
    const { actor } = job;
    const plan = this.#plan();
    if (plan[actor] === undefined) {
      const parent = job.parent === undefined ? undefined : await this.#parts.jobs.read(job.parent);
      if (parent === undefined || plan[parent.actor]?.cancelAtChild === undefined) return work();
      return this.#attempts.run({ job: job.id, actor, parent }, work);
    }
    const result = await this.#attempts.run({ job: job.id, actor }, work);
    if (await isOver()) {
      this.#report({ job: job.id, actor }, 'over');
      this.#settle(actor);
    }
    return result;
  }

  /** A planned job is at a boundary; rejects never, and may never come back. */
  async pass(at: string, args: readonly unknown[]): Promise<void> {
    const attempt = this.#attempts.getStore();
    if (attempt?.parent !== undefined) return this.#passAsChild(attempt.parent, at, args);
    const order = attempt === undefined ? undefined : this.#plan()[attempt.actor];
    if (attempt === undefined || order === undefined) return;
    const number = (this.#counts.get(attempt.job) ?? 0) + 1;
    this.#counts.set(attempt.job, number);
    this.#report(attempt, at);
    if (order.alwaysDieAt === at) process.kill(process.pid, 'SIGKILL');
    if (order.cancelAt === at) await this.#cancel(attempt.job, args);
    if (number < (order.dieAt ?? order.stopAt ?? Number.POSITIVE_INFINITY)) return;
    this.#settle(attempt.actor);
    await this.#awake.promise;
  }

  /** A planned job has read something; no boundary, since a crash here leaves what one before the read does. */
  async hold(read: string): Promise<void> {
    const attempt = this.#attempts.getStore();
    const isHeld = (): boolean => attempt !== undefined && this.#plan()[attempt.actor]?.holdAfter === read;
    if (attempt === undefined || !isHeld()) return;
    this.#report(attempt, 'held');
    while (isHeld()) await sleep(10);
  }

  #report({ actor, job }: Attempt, at: string): void {
    const line: CrashLine = { actor, job, pid: process.pid, number: this.#counts.get(job) ?? 0, at };
    appendFileSync(this.#parts.reportFile, `${JSON.stringify(line)}\n`);
  }

  #settle(actor: string): void {
    if (this.#settled.has(actor)) return;
    this.#settled.add(actor);
    const doomed = Object.entries(this.#plan()).filter(([, { dieAt, stopAt }]) => (dieAt ?? stopAt) !== undefined);
    if (doomed.length === 0 || !doomed.every(([each]) => this.#settled.has(each))) return;
    if (doomed.some(([, order]) => order.dieAt !== undefined)) process.kill(process.pid, 'SIGKILL');
    const stoppedAt = performance.now();
    process.kill(process.pid, 'SIGSTOP');
    // The signal arrives in here. On waking the jobs go on before any timer or message can tell them what has happened.
    while (performance.now() - stoppedAt < STOP_ARRIVES_MS);
    this.#awake.resolve();
  }

  async #passAsChild(parent: Job, at: string, args: readonly unknown[]): Promise<void> {
    if (this.#plan()[parent.actor]?.cancelAtChild !== at) return;
    while ((await this.#parts.jobs.read(parent.id))?.state === 'running') await sleep(10);
    await this.#cancel(parent.id, args);
  }

  /** Asks for the cancellation, and waits until the running attempt has heard of it. */
  async #cancel(job: JobId, args: readonly unknown[]): Promise<void> {
    if (this.#cancelled.has(job)) return;
    this.#cancelled.add(job);
    await this.#parts.jobs.cancel(job, 'the crash worker').catch(() => undefined);
    const signal = args.map(signalOf).find((each) => each !== undefined);
    if (signal?.aborted === false) await once(signal, 'abort');
  }
}

/** Of a fence, or of a wait's options. */
function signalOf(arg: unknown): AbortSignal | undefined {
  if (typeof arg !== 'object' || arg === null || !('signal' in arg)) return undefined;
  return arg.signal instanceof AbortSignal ? arg.signal : undefined;
}

type Method = (...args: unknown[]) => Promise<unknown>;

/** The port with places to hold a job after the named reads. */
export function withHolds<T extends object>(
  port: T,
  room: string,
  methods: readonly (keyof T & string)[],
  points: CrashPoints,
): T {
  const guarded = methods.map((name): [string, Method] => [
    name,
    async (...args) => {
      const result = await (port[name] as Method).apply(port, args);
      await points.hold(`${room}.${name}`);
      return result;
    },
  ]);
  return { ...port, ...Object.fromEntries(guarded) };
}

/** The port with boundaries before and after the named methods. */
export function withBoundaries<T extends object>(
  port: T,
  room: string,
  methods: readonly (keyof T & string)[],
  points: CrashPoints,
): T {
  const guarded = methods.map((name): [string, Method] => [
    name,
    async (...args) => {
      await points.pass(`before ${room}.${name}`, args);
      try {
        return await (port[name] as Method).apply(port, args);
      } finally {
        await points.pass(`after ${room}.${name}`, args);
      }
    },
  ]);
  return { ...port, ...Object.fromEntries(guarded) };
}
