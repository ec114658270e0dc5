import type { ErrorFacts } from '../errors.ts';
import type { EventType, NewEvent, StowageEvent } from '../events.ts';
import type { JobId, ResourceKey } from '../ids.ts';
import type { AttemptRecord, Failing, Job, JobProgress, JsonObject, StepRecord } from '../job.ts';
import type { RecordChange, RecordOf, RecordType, Versioned } from '../record.ts';
import type { JobState } from '../states.ts';

// What faces and workers need of Redis. Every method rejects with `redis-unavailable` when it does not answer in time.

export interface Submission {
  readonly id: JobId;
  readonly kind: string;
  /** The queue that wakes a worker for it. */
  readonly lane: string;
  readonly payload: JsonObject;
  readonly resources: readonly ResourceKey[];
  readonly stepNames: readonly string[];
  /** While a job with this key is open, submissions join it. */
  readonly naturalKey?: string;
  readonly idempotency?: { readonly scope: string; readonly key: string; readonly fingerprint: string };
  readonly actor: string;
  /** The job that waits for this one. */
  readonly parent?: JobId;
  /** Of the parent's claim: nothing is submitted when it is another's by now. */
  readonly parentEpoch?: number;
  readonly traceparent?: string;
  readonly maxAttempts: number;
  /** From its first start to its end. */
  readonly deadlineMs: number;
  /** To the head of its lines, ahead of the job that holds them now (which runs again afterwards). */
  readonly front?: boolean;
  /** The dead letter in whose place it comes: given up in the same write, unless the idempotency key has its job already. */
  readonly redriveOf?: JobId;
}

/** accepted: new. joined: an open job with the natural key. repeated: the idempotency key's job. key-reused: same key, other payload. */
export interface SubmitOutcome {
  readonly outcome: 'accepted' | 'joined' | 'repeated' | 'key-reused';
  readonly id: JobId;
}

export interface JobFilter {
  /** One of these. */
  readonly state?: JobState | readonly JobState[];
  readonly kind?: string;
  readonly resource?: ResourceKey;
  readonly actor?: string;
  /** Submitted at this time or later, up to this time: by the id, whose clock is that of the process that took the submission. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** In id, kind, resources, actor or error, in whatever case. */
  readonly text?: string;
  /** Of the error. */
  readonly code?: string;
  readonly fingerprint?: string;
  /** The job that submitted it. */
  readonly parent?: JobId;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Give it back to go on; absent on the last page. */
  readonly next?: string;
}

export interface PageRequest {
  readonly cursor?: string;
  readonly limit: number;
}

/** Counters over all processes since Redis was set up, and depths now. */
export interface QueueFigures {
  readonly byState: Readonly<Record<JobState, number>>;
  readonly lanes: readonly { readonly lane: string; readonly ready: number; readonly running: number }[];
  /** Of the job that waits longest for a worker although its turn has come. */
  readonly oldestReadyAgeMs: number;
  /** Of the oldest job that waits for whatever reason, since it was submitted. */
  readonly oldestWaitingAgeMs: number;
  readonly oldestDeadAgeMs: number;
  /** Lines in which others wait behind a head that began over a minute ago; the longest held first, and a few at most. */
  readonly stalledLines: readonly {
    readonly resource: ResourceKey;
    /** Of the head. */
    readonly kind: string;
    readonly heldMs: number;
    readonly behind: number;
  }[];
  /** Of hosts, those that are under way. */
  readonly recoveries: { readonly count: number; readonly oldestAgeMs: number };
  readonly hasLeader: boolean;
  readonly records: readonly { readonly type: RecordType; readonly count: number }[];
  readonly ended: readonly {
    readonly kind: string;
    readonly outcome: string;
    readonly count: number;
    readonly durationMsSum: number;
    /** Cumulative, by upper bound in ms. */
    readonly buckets: readonly { readonly leMs: number; readonly count: number }[];
  }[];
}

export const ENDED_STATES = ['succeeded', 'dead', 'failed', 'cancelled'] as const satisfies readonly JobState[];

/** How many jobs came to each end within one minute. A dead letter counts again when it is discarded, or is redriven and ends. */
export interface MinuteOfEnds extends Readonly<Record<(typeof ENDED_STATES)[number], number>> {
  readonly at: string;
}

/** The faces' side: submit, read, and what people do to jobs. */
export interface JobStore {
  /**
   * A second submission of an id changes nothing.
   * @throws `claim-lost` for a parent's; `job-not-found`, `job-not-dead` for one in whose place it comes
   */
  submit(submission: Submission): Promise<SubmitOutcome>;
  read(id: JobId): Promise<Job | undefined>;
  /** Newest first. */
  list(filter: JobFilter, page: PageRequest): Promise<Page<Job>>;
  /** Resolves with the job once it is over, or as it then is when the signal fires. undefined: no such job. */
  waitUntilOver(id: JobId, signal: AbortSignal): Promise<Job | undefined>;
  /** For a waiting job: at each of its resources, the job at the head of the line and how many stand before it. */
  standing(
    id: JobId,
  ): Promise<readonly { readonly resource: ResourceKey; readonly head: JobId; readonly ahead: number }[]>;
  /** cancelled: at once. requested: a worker will undo and end it. @throws `job-not-found`, `job-not-cancellable` */
  cancel(id: JobId, actor: string): Promise<'cancelled' | 'requested'>;
  /** Puts a dead letter at the end of its lines with a fresh set of attempts. @throws `job-not-found`, `job-not-dead` */
  redrive(id: JobId, actor: string): Promise<void>;
  /** @throws `job-not-found`, `job-not-dead` */
  discard(id: JobId, actor: string, reason: string): Promise<void>;
  figures(): Promise<QueueFigures>;
  /** The last so many minutes, 120 at most, oldest first; the last one is not over. */
  endsByMinute(minutes: number): Promise<readonly MinuteOfEnds[]>;
  /** What people should look at: those that died after `sinceMs`, the latest first, and those that wait for another attempt after a failure. */
  failing(sinceMs: number, limit: number): Promise<readonly Job[]>;
  /** What the jobs under way last told of themselves; those that told nothing for a minute are left out. */
  progress(ids: readonly JobId[]): Promise<ReadonlyMap<JobId, JobProgress>>;
}

/** A worker's hold on a job: every later write shows the epoch, and none succeeds once another has claimed. */
export interface Claim {
  readonly job: Job;
  readonly epoch: number;
  readonly attempt: AttemptRecord;
  /** Failed attempts that counted towards `maxAttempts`. */
  readonly failures: number;
  /** Attempts that ended because their worker died. */
  readonly losses: number;
}

export type AcquireOutcome =
  | { readonly outcome: 'acquired'; readonly claim: Claim }
  /** It will be woken when its lines move. */
  | { readonly outcome: 'behind' }
  | { readonly outcome: 'early'; readonly delayMs: number }
  | { readonly outcome: 'over' }
  | { readonly outcome: 'gone' };

/** How a job, or this attempt of it, ends. */
export type JobEnd =
  | { readonly state: 'succeeded'; readonly result: JsonObject }
  | { readonly state: 'dead'; readonly error: ErrorFacts }
  | { readonly state: 'cancelled'; readonly error: ErrorFacts }
  /** Another attempt follows; it keeps its place at the head of its lines. `counts`: one of `maxAttempts` is spent. */
  | { readonly state: 'waiting'; readonly error: ErrorFacts; readonly retryInMs: number; readonly counts: boolean }
  /** Another attempt follows when these jobs are over, or one has failed; it keeps its place at the head of its lines. */
  | { readonly state: 'awaiting'; readonly children: readonly JobId[] };

/** One atomic write under a claim: all of it happens, with its events, or none. */
export interface Commit {
  readonly steps?: readonly StepRecord[];
  /** Replaces the job's notes. */
  readonly notes?: JsonObject;
  readonly records?: readonly RecordChange[];
  readonly events?: readonly NewEvent[];
  readonly failing?: Failing;
  readonly end?: JobEnd;
  /** The step that was under way, for the attempt's history. */
  readonly step?: string;
}

/** The workers' side. */
export interface Claims {
  /** `worker` names the process, for people; `wake` is the entry's: one that a newer entry has replaced gets 'behind'. */
  acquire(id: JobId, worker: string, wake: number): Promise<AcquireOutcome>;
  /** Safe to send twice (a lost answer): the second is recognised. @throws `claim-lost`, `record-stale` */
  commit(claim: Claim, commit: Commit): Promise<void>;
  /** Is the claim still ours, and is the job to go on? A cheap read, for long waits; `cancel`: it is ours and is to be cancelled. */
  confirm(claim: Claim): Promise<'held' | 'cancel' | 'lost'>;
  /** For people who watch; best effort, a few times a second at most. */
  showProgress(claim: Claim, progress: JobProgress): void;
  /**
   * Calls back when a running job is to be cancelled or was displaced. Returns the way to stop listening. A signal that is sent while
   * the connection is lost, or does not stand yet, is missed: `confirm` tells the same.
   */
  onSignal(listener: (signal: { readonly type: 'cancel' | 'lost'; readonly id: JobId }) => void): () => void;
}

export interface RecordStore {
  read<T extends RecordType>(type: T, name: string): Promise<Versioned<RecordOf<T>> | undefined>;
  /** By name, ascending. */
  list<T extends RecordType>(type: T, page: PageRequest): Promise<Page<Versioned<RecordOf<T>>>>;
  /**
   * Writes outside of any claim, for observers (watcher, reconciler). Not done when the revision has moved on ('stale'), or when a
   * job stands in the resource's line ('busy').
   */
  observe(changes: readonly RecordChange[], events: readonly NewEvent[]): Promise<'done' | 'stale' | 'busy'>;
}

export interface EventStore {
  /** Events after `after` (an event's id, or `$` for only new ones), oldest first, until the signal fires. */
  follow(after: string, signal: AbortSignal): AsyncIterable<StowageEvent>;
  /** Newest first. A page of a subject or of types may be short, even empty, and not be the last. */
  list(
    page: PageRequest & { readonly subject?: string; readonly types?: readonly EventType[] },
  ): Promise<Page<StowageEvent>>;
  /**
   * Events of one subject, oldest first, that were told at about these times (and perhaps of late): the stream has no index by subject, so
   * those that nobody knows a time of may be missing where many others came between.
   */
  about(
    subject: string,
    when: { readonly timesMs: readonly number[]; readonly andLatest: boolean },
  ): Promise<readonly StowageEvent[]>;
}

export type Role = 'viewer' | 'operator' | 'admin';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt?: string;
}

/** API keys, of which only the SHA-256 is kept. */
export interface KeyStore {
  /** The whole key, shown this once. */
  create(name: string, role: Role, actor: string): Promise<{ readonly key: string; readonly entry: ApiKey }>;
  verify(key: string): Promise<ApiKey | undefined>;
  list(): Promise<readonly ApiKey[]>;
  /** @throws `key-not-found` */
  revoke(id: string): Promise<void>;
}

export interface Health {
  /** Writes and reads back. Resolves with the milliseconds that took. @throws `redis-unavailable` */
  redis(): Promise<number>;
  /** Sends a canary entry through the queue; resolves with what the worker that ran it says. @throws `redis-unavailable`, `internal-error` when none does. */
  canary(timeoutMs: number): Promise<{
    readonly worker: string;
    readonly elapsedMs: number;
    readonly vcenter: 'ok' | 'unreachable';
    readonly vcenterFault?: string;
  }>;
}
