/** What the server that keeps the jobs says of itself. What it does not tell, or forbids to ask, is absent. */
export interface QueueServerFacts {
  readonly software: 'redis' | 'valkey' | 'other';
  readonly version?: string;
  /** `maxmemory-policy`. */
  readonly evictionPolicy?: string;
  readonly usedMemoryBytes?: number;
  /** Absent or 0: no limit but the machine's. */
  readonly maxMemoryBytes?: number;
  readonly appendOnly?: boolean;
  /** `always`, `everysec`, `no`; CONFIG is forbidden on many hosted servers. */
  readonly appendFsync?: string;
  /** false: the last write of the append-only file, or of a snapshot, failed. */
  readonly isLastSaveGood?: boolean;
  readonly role?: string;
  /** Its clock at `askedAtMs` of ours, both in milliseconds since 1970. */
  readonly clockMs: number;
  readonly askedAtMs: number;
  readonly roundTripMs: number;
}

/** Redis or Valkey, for whoever examines an installation. */
export interface QueueServer {
  /** @throws `redis-unavailable` */
  inspect(): Promise<QueueServerFacts>;
}
