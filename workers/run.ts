import type { Span } from '@opentelemetry/api';
import type { Logger } from 'pino';
import { newJobId, type TaskRef } from '../core/ids.ts';
import type { Failing, JobProgress, JsonObject, StepRecord, StepTask } from '../core/job.ts';
import type { NewEvent } from '../core/events.ts';
import type { DeadLetters } from '../core/ports/dead-letters.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { Guests } from '../core/ports/guests.ts';
import type { Claim, Claims, Commit, JobEnd, JobStore, RecordStore } from '../core/ports/jobs.ts';
import type { QueueServer } from '../core/ports/queue-server.ts';
import type { RecordChange } from '../core/record.ts';
import type { AnyKind, ImagePorts, StepContext, StepResult, World } from '../jobs/define.ts';
import type { Submit } from '../jobs/submit.ts';
import type { ClaimFence } from './claim-fence.ts';
import type { AttemptTrail } from './trail.ts';

/** What every attempt shares. */
export interface Workshop {
  readonly claims: Claims;
  readonly records: RecordStore;
  readonly jobs: Pick<JobStore, 'read' | 'list' | 'cancel' | 'discard'>;
  readonly deadLetters: DeadLetters;
  readonly dataCentre: DataCentre;
  readonly images: ImagePorts;
  readonly queueServer: QueueServer;
  readonly guests?: Guests;
  readonly world: World;
  readonly submit: Submit;
  readonly logger: Logger;
  readonly clock: { nowMs(): number; monotonicMs(): number };
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

const PROGRESS_STEP_MS = 2_000;
const SHOW_STEP_MS = 200;

/**
 * One attempt at a job: the job's steps and notes as they change, and the one way to write them. What a step has done is held back
 * until the next step's intent is stored, so that both are one write.
 */
export class Run {
  readonly claim: Claim;
  readonly kind: AnyKind;
  readonly payload: unknown;
  readonly fence: ClaimFence;
  readonly span: Span;
  readonly trail: AttemptTrail;
  readonly #shop: Workshop;
  readonly #steps: Map<string, StepRecord>;
  #notes: JsonObject;
  #pending: {
    steps: Map<string, StepRecord>;
    notes: boolean;
    records: RecordChange[];
    events: NewEvent[];
    failing?: Failing;
  };
  #writing: Promise<void> = Promise.resolve();
  #lastProgressAt = 0;
  #lastShownAt = 0;
  current: string | undefined;

  constructor(
    shop: Workshop,
    parts: { claim: Claim; kind: AnyKind; payload: unknown; fence: ClaimFence; span: Span; trail: AttemptTrail },
  ) {
    this.#shop = shop;
    this.claim = parts.claim;
    this.kind = parts.kind;
    this.payload = parts.payload;
    this.fence = parts.fence;
    this.span = parts.span;
    this.trail = parts.trail;
    this.trail.stepNow = () => this.current;
    this.#steps = new Map(parts.claim.job.steps.map((step) => [step.name, step]));
    this.#notes = parts.claim.job.notes;
    this.#pending = Run.#nothing();
  }

  static #nothing(): { steps: Map<string, StepRecord>; notes: boolean; records: RecordChange[]; events: NewEvent[] } {
    return { steps: new Map(), notes: false, records: [], events: [] };
  }

  get notes(): JsonObject {
    return this.#notes;
  }

  now(): string {
    return new Date(this.#shop.clock.nowMs()).toISOString();
  }

  step(name: string): StepRecord {
    return this.#steps.get(name) ?? { name, state: 'pending', begun: 0, tasks: [] };
  }

  /** Changes a step; written with the next flush. */
  setStep(step: StepRecord): void {
    this.#steps.set(step.name, step);
    this.#pending.steps.set(step.name, step);
  }

  setLastTask(name: string, change: Partial<StepTask>): void {
    const step = this.step(name);
    const last = step.tasks.at(-1);
    if (last !== undefined) this.setStep({ ...step, tasks: [...step.tasks.slice(0, -1), { ...last, ...change }] });
  }

  addTask(name: string, method: string, ref: TaskRef, facts: Pick<StepTask, 'undoes'> = {}): void {
    const step = this.step(name);
    this.#lastProgressAt = this.#shop.clock.monotonicMs();
    this.setStep({ ...step, tasks: [...step.tasks, { method, ref, startedAt: this.now(), ...facts }] });
  }

  setFailing(failing: Failing): void {
    this.#pending.failing = failing;
  }

  /** Takes up what a step found or did; written with the next flush. */
  take(result: StepResult<JsonObject>): void {
    if (result.notes !== undefined) {
      this.#notes = { ...this.#notes, ...withoutUndefined(result.notes) };
      this.#pending.notes = true;
    }
    this.#pending.records.push(...(result.records ?? []));
    this.#pending.events.push(...(result.events ?? []));
  }

  /** Writes everything that is held back, and perhaps the end. Writes of one run go one after another. */
  flush(end?: JobEnd): Promise<void> {
    const pending = this.#pending;
    this.#pending = Run.#nothing();
    const commit: Commit = {
      steps: [...pending.steps.values()],
      ...(pending.notes ? { notes: this.#notes } : {}),
      records: pending.records,
      events: pending.events,
      ...(pending.failing === undefined ? {} : { failing: pending.failing }),
      ...(end === undefined ? {} : { end }),
      ...(this.current === undefined ? {} : { step: this.current }),
    };
    this.#writing = this.#writing.then(async () => {
      const askedAt = this.#shop.clock.monotonicMs();
      await this.#shop.claims.commit(this.claim, commit);
      this.fence.confirm(askedAt);
    });
    return this.#writing;
  }

  /** Shows how far a Task is, every two seconds at most, the first time after two; a lost claim shows at the next write that matters. */
  showProgress(name: string, percent: number): void {
    const now = this.#shop.clock.monotonicMs();
    if (now - this.#lastProgressAt < PROGRESS_STEP_MS) return;
    this.#lastProgressAt = now;
    this.setStep({ ...this.step(name), progress: percent });
    this.flush().catch(() => this.fence.interrupt('claim-lost'));
  }

  /** What a step tells of itself between two writes; the last word of a phase is always told. */
  show(progress: JobProgress): void {
    const now = this.#shop.clock.monotonicMs();
    const isLast = progress.total !== undefined && progress.current >= progress.total;
    if (!isLast && now - this.#lastShownAt < SHOW_STEP_MS) return;
    this.#lastShownAt = now;
    this.#shop.claims.showProgress(this.claim, progress);
  }

  context(fence: ClaimFence, task: StepContext<unknown, JsonObject>['task']): StepContext<unknown, JsonObject> {
    const { records, jobs, deadLetters, dataCentre, images, queueServer, guests, world, submit, logger, randomBytes } =
      this.#shop;
    const { job } = this.claim;
    return {
      jobId: job.id,
      actor: job.actor,
      payload: this.payload,
      notes: this.#notes,
      world,
      dataCentre,
      images,
      queueServer,
      ...(guests === undefined ? {} : { guests }),
      records,
      fence,
      signal: fence.signal,
      now: () => this.now(),
      monotonicMs: () => this.#shop.clock.monotonicMs(),
      note: (notes) => {
        this.take({ notes });
        return this.flush();
      },
      task,
      newJobId: () => newJobId(this.#shop.clock.nowMs(), randomBytes(10)),
      submit: (kind, payload, id, options = {}) =>
        submit(kind, payload, {
          actor: `job:${job.id}`,
          role: 'admin',
          parent: job.id,
          parentEpoch: this.claim.epoch,
          ...(id === undefined ? {} : { id }),
          ...(options.front === true ? { front: true } : {}),
          ...(job.traceparent === undefined ? {} : { traceparent: job.traceparent }),
        }),
      jobs,
      deadLetters,
      progress: (progress) => this.show(progress),
      warn: (message, data) => logger.warn(data, message),
    };
  }
}

function withoutUndefined(notes: Partial<JsonObject>): JsonObject {
  return Object.fromEntries(Object.entries(notes).filter(([, value]) => value !== undefined)) as JsonObject;
}
