/** `GET /v1/dead-letters/groups`: dead letters of one kind that failed for the same reason. */
export interface DeadGroup {
  readonly fingerprint: string;
  readonly kind: string;
  readonly code: string;
  readonly step?: string;
  /** Of the one that died last. */
  readonly message: string;
  readonly count: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly oldestJob: string;
  readonly newestJob: string;
}

export interface DeadGroups {
  readonly items: readonly DeadGroup[];
  readonly next?: string;
  /** Groups of all pages. */
  readonly total: number;
}

/** Which dead letters a bulk job takes. Everything that is given must fit. */
export interface DeadFilter {
  readonly kind?: string;
  readonly code?: string;
  readonly fingerprints?: readonly string[];
  /** Of the time of death. */
  readonly since?: string;
}

/** What a dry run counts. */
export interface DeadCount {
  readonly matched: number;
  readonly byKind: readonly { readonly kind: string; readonly count: number }[];
  readonly cutoffAt: string;
}
