import type { ErrorCode } from '../errors.ts';
import type { JobId } from '../ids.ts';
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

/** Dead letters as a whole. Every method rejects with `redis-unavailable` when Redis does not answer in time. */
export interface DeadLetters {
  /** Those last seen first; `total` counts all that match. */
  groups(filter: DeadGroupFilter, page: PageRequest): Promise<Page<DeadGroup> & { readonly total: number }>;
}
