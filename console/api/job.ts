/** `GET /v1/jobs/{id}`, and of lists of jobs. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: JobError | null;
  readonly steps: readonly Step[];
  readonly attempts: readonly Attempt[];
  readonly maxAttempts: number;
  readonly resources: readonly string[];
  readonly lane: string;
  readonly actor: string;
  readonly parent?: string;
  readonly children: readonly string[];
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly retryAt?: string;
  readonly deadlineAt?: string;
  readonly cancelRequestedBy?: string;
  readonly redriveCount: number;
  readonly discardReason?: string;
  readonly traceId?: string;
  readonly notes: Readonly<Record<string, unknown>>;
  readonly waitingBehind?: readonly { readonly resource: string; readonly job: string; readonly ahead: number }[];
  readonly progress?: { readonly phase: string; readonly current: number; readonly total?: number };
  /** This job is the edited redrive of that one. */
  readonly redriveOf?: string;
  readonly replacedBy?: string;
  /** The bulk job that redrove it last. */
  readonly redriveRun?: string;
}

export type JobState = 'waiting' | 'running' | 'succeeded' | 'dead' | 'failed' | 'cancelled';
export const JOB_STATES: readonly JobState[] = ['waiting', 'running', 'succeeded', 'dead', 'failed', 'cancelled'];

export interface Span {
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Until now while it is under way. */
  readonly durationMs?: number;
}

export interface Step extends Span {
  readonly name: string;
  readonly state: 'pending' | 'running' | 'done' | 'skipped' | 'undone';
  readonly begun: number;
  /** 0 to 100, of the Task that is waited for. */
  readonly progress?: number;
  readonly tasks: readonly StepTask[];
}

export interface StepTask extends Span {
  readonly method: string;
  readonly ref: string;
  readonly outcome?: 'success' | 'error' | 'unknown';
}

export interface Attempt extends Span {
  readonly number: number;
  readonly worker: string;
  readonly outcome: string;
  readonly step?: string;
  readonly error?: JobError;
  readonly retryAt?: string;
}

export interface JobError {
  readonly type: string;
  readonly kind: string;
  readonly code: string;
  readonly message: string;
  readonly advice: string;
  readonly holder?: string;
  readonly fields?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly fault?: unknown;
  /** Of a dead letter: those of one cause have the same. */
  readonly fingerprint?: string;
}

export function isOver(state: JobState): boolean {
  return state !== 'waiting' && state !== 'running';
}

/** What is known of one job in order of time: `GET /v1/jobs/{id}/trail`. */
export interface TrailItem {
  readonly at: string;
  readonly type: 'event' | 'attempt' | 'step' | 'task' | 'call' | 'log';
  readonly name: string;
  readonly durationMs?: number;
  readonly attempt?: number;
  readonly step?: string;
  /** Of a line. */
  readonly level?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}
