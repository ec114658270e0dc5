import type { JobId } from '../ids.ts';
import type { JsonObject } from '../job.ts';

/** What a worker saw of an attempt, beside what the job itself keeps: a call to another server, or a line of its log. */
export interface TrailEntry {
  readonly at: string;
  readonly type: 'call' | 'log';
  /** The method that was called, or what the line says. */
  readonly name: string;
  readonly attempt: number;
  /** The step that was under way. */
  readonly step?: string;
  readonly durationMs?: number;
  /** Of a line. */
  readonly level?: string;
  readonly data?: JsonObject;
}

/** For people who look into a job. The newest 500 entries of each are kept for a week, or as long as the job. */
export interface Trails {
  /** Best effort: what cannot be written soon is lost. */
  add(id: JobId, entries: readonly TrailEntry[]): void;
  /** In the order in which they were added. @throws `redis-unavailable` */
  read(id: JobId): Promise<readonly TrailEntry[]>;
}
