import type { Recovery } from './overview.ts';

/** `GET /v1/recoveries/{id}`. */
export interface RecoveryStory extends Recovery {
  readonly containers: readonly RecoveredContainer[];
}

export interface RecoveredContainer {
  readonly id: string;
  readonly name: string;
  readonly job: string;
  /** `waiting` while it is not over. */
  readonly outcome: string;
  /** Where it runs now. */
  readonly host?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly timeline: Timeline;
}

/** When each part was done. */
export interface Timeline {
  readonly detected?: string;
  readonly marked?: string;
  readonly waited?: string;
  readonly unregistered?: string;
  readonly rehomed?: string;
  readonly poweredOn?: string;
  readonly verified?: string;
}
