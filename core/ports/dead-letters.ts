import type { ErrorCode } from '../error-codes.ts';
import type { JobId, ResourceKey } from '../ids.ts';
import type { Page, PageRequest } from './jobs.ts';

/** The dead letters of one kind that failed for the same reason. */
export interface DeadGroup {
  /** Of their errors (fingerprint.ts). */
  readonly fingerprint: string;
  readonly kind: string;
  readonly code: ErrorCode;
  /** At which they failed. */
  readonly step?: string;
  /** Of the one that died last. */
  readonly message: string;
  readonly count: number;
  /** Times of death since the group was last empty, also of those that were redriven or discarded meanwhile. */
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  /** By their deaths, of those that are there. */
  readonly oldestJob: JobId;
  readonly newestJob: JobId;
}

export interface DeadGroupFilter {
  readonly kind?: string;
  readonly code?: string;
  /** Groups that were last seen then or later. */
  readonly since?: string;
  /** Groups that were first seen then or earlier. */
  readonly until?: string;
}

/** Everything that is given must fit. Jobs that work through dead letters themselves (`dead.…`) only fit when `kind` names theirs. */
export interface DeadFilter {
  readonly kind?: string;
  readonly code?: string;
  /** Any of them. */
  readonly fingerprints?: readonly string[];
  readonly resource?: ResourceKey;
  readonly actor?: string;
  /** Of the time of death. */
  readonly since?: string;
  readonly until?: string;
}

/** Which dead letters: those that fit, or those that are named; of either, those that died by the cutoff. */
export interface DeadSelection {
  readonly filter?: DeadFilter;
  readonly ids?: readonly JobId[];
  readonly cutoffAt: string;
}

export interface DeadLetter {
  readonly id: JobId;
  readonly kind: string;
  /** In the order of deaths; where a listing goes on behind it. */
  readonly place: string;
}

/** The claim of a job that works through dead letters. */
export interface DeadRun {
  readonly job: JobId;
  readonly epoch: number;
  /** Who asked for it. */
  readonly actor: string;
  readonly cutoffAt: string;
}

/** What has become of a run's dead letters so far; kept for a week after its last one. */
export interface DeadTally {
  /** How many it redrove, or discarded. */
  readonly settled: number;
  /** Of the redriven ones: are over, in whatever state; and those of them that are dead again. */
  readonly over: number;
  readonly deadAgain: number;
}

/** done: by this call. again: by an earlier call of this run. skipped: it is no dead letter any more, or died after the cutoff. */
export interface Settled {
  readonly outcome: 'done' | 'again' | 'skipped';
  readonly tally: DeadTally;
}

/** Dead letters as a whole. Every method rejects with `redis-unavailable` when Redis does not answer in time. */
export interface DeadLetters {
  /** Those last seen first; `total` counts all that match. */
  groups(filter: DeadGroupFilter, page: PageRequest): Promise<Page<DeadGroup> & { readonly total: number }>;
  /** Those that died first come first. The cursor is a `place`. */
  select(selection: DeadSelection, page: PageRequest): Promise<Page<DeadLetter>>;
  count(selection: DeadSelection): Promise<{
    readonly matched: number;
    readonly byKind: readonly { readonly kind: string; readonly count: number }[];
  }>;
  /** As `JobStore.redrive`, in a run that remembers it: safe to repeat, also by another worker. @throws `claim-lost` */
  redrive(run: DeadRun, id: JobId): Promise<Settled>;
  /** As `JobStore.discard`, in a run. Safe to repeat. @throws `claim-lost` */
  discard(run: DeadRun, id: JobId, reason: string): Promise<Settled>;
  tally(run: JobId): Promise<DeadTally>;
}
