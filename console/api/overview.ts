import type { JobState } from './job.ts';

/** `GET /v1/overview`. */
export interface Overview {
  readonly at: string;
  readonly jobs: {
    readonly byState: Readonly<Record<JobState, number>>;
    readonly lanes: readonly { readonly lane: string; readonly ready: number; readonly running: number }[];
    readonly oldestReadyAgeMs?: number | null;
    readonly oldestDeadAgeMs?: number | null;
  };
  /** The last 60 minutes, oldest first. */
  readonly throughput: readonly Minute[];
  readonly failing: readonly Failing[];
  readonly hosts: readonly OverviewHost[];
  readonly stores: readonly OverviewStore[];
  readonly recoveries: readonly Recovery[];
}

export interface Minute {
  readonly at: string;
  readonly succeeded: number;
  readonly dead: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** A job that is dead since an hour at most, or waits for another attempt. */
export interface Failing {
  readonly job: string;
  readonly kind: string;
  readonly resource?: string;
  readonly code: string;
  readonly message: string;
  readonly at: string;
  readonly state: 'dead' | 'waiting';
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly retryAt?: string;
}

export interface OverviewHost {
  readonly name: string;
  readonly state: string;
  readonly maintenance: boolean;
  readonly containers: readonly { readonly id: string; readonly name: string; readonly state: string }[];
  readonly containerCount: number;
}

export interface OverviewStore {
  readonly name: string;
  readonly kind: string;
  readonly capacityBytes?: number;
  readonly freeBytes?: number;
  readonly volumes: number;
  readonly volumeBytes: number;
}

/** `GET /v1/recoveries`. */
export interface Recovery {
  readonly id: string;
  readonly host: string;
  readonly state: JobState;
  readonly detectedAt: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly recovered: number | null;
  readonly lost: number | null;
  readonly unchanged: number | null;
}
