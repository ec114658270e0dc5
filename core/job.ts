import type { ErrorFacts } from './errors.ts';
import type { JobId, ResourceKey, TaskRef } from './ids.ts';
import type { JobState } from './states.ts';

/** Plain JSON, as it lies in Redis and goes over HTTP. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** pending: not begun. running: intent recorded, the effect may or may not be there. undone: compensated. */
export type StepState = 'pending' | 'running' | 'done' | 'skipped' | 'undone';

/** A vSphere Task that a step started. While `task` is known and not over, a retry waits for it and issues no other. */
export interface StepTask {
  readonly method: string;
  readonly ref: TaskRef;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly outcome?: 'success' | 'error' | 'unknown';
  /** It takes the step's effect back. */
  readonly undoes?: true;
}

export interface StepRecord {
  readonly name: string;
  readonly state: StepState;
  /** How many attempts have begun this step. */
  readonly begun: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** In the order of issue; the last one is the one to re-join. */
  readonly tasks: readonly StepTask[];
  /** 0 to 100, of the Task that is being waited for. */
  readonly progress?: number;
}

export type AttemptOutcome =
  | 'running'
  | 'succeeded'
  | 'retry'
  | 'dead'
  | 'cancelled'
  | 'lost'
  | 'displaced'
  | 'awaiting';

export interface AttemptRecord {
  readonly number: number;
  readonly worker: string;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly outcome: AttemptOutcome;
  /** The step that was under way when the attempt ended. */
  readonly step?: string;
  readonly error?: ErrorFacts;
  readonly retryAt?: string;
}

/** A job that has failed for good or is cancelled, while what it had begun is undone; kept so that a crash does not forget it. */
export interface Failing {
  readonly end: 'dead' | 'cancelled';
  readonly error: ErrorFacts;
  /** How many attempts to undo have failed. */
  readonly tries: number;
  /** At which it failed. */
  readonly step?: string;
}

/** How far a job is, for people who watch; kept for a minute, outside of its record. */
export interface JobProgress {
  readonly phase: string;
  readonly current: number;
  /** Of the same unit (bytes); absent where nobody knows. */
  readonly total?: number;
}

/** A job's durable record. Times are ISO 8601 in UTC. */
export interface Job {
  readonly id: JobId;
  readonly kind: string;
  readonly state: JobState;
  readonly payload: JsonObject;
  readonly result?: JsonObject;
  readonly error?: ErrorFacts;
  readonly steps: readonly StepRecord[];
  readonly attempts: readonly AttemptRecord[];
  readonly maxAttempts: number;
  /** The resources in whose lines it stands or stood. */
  readonly resources: readonly ResourceKey[];
  readonly lane: string;
  readonly actor: string;
  /** The job that submitted it and waits for it. */
  readonly parent?: JobId;
  /** The jobs that it waits for, or waited for. */
  readonly children: readonly JobId[];
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** While waiting: not before this time. */
  readonly retryAt?: string;
  readonly deadlineAt?: string;
  readonly cancelRequestedBy?: string;
  readonly redriveCount: number;
  readonly discardReason?: string;
  /** The dead letter that this one was made of, with another payload. */
  readonly redriveOf?: JobId;
  /** The job that was made of this one, with another payload. */
  readonly replacedBy?: JobId;
  /** The `dead.redrive` that put it back into its lines last. */
  readonly redriveRun?: JobId;
  readonly failing?: Failing;
  /** W3C trace context of the submission. */
  readonly traceparent?: string;
  /** Facts that its steps found, by the kind's own names. */
  readonly notes: JsonObject;
  /** The fencing token of the newest claim; 0 before the first. */
  readonly epoch: number;
}
