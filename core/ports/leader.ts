/** The lease that one worker process holds: it runs the watcher, the sweeper and the reconcile schedule. */
export interface LeaderLease {
  /**
   * Calls `lead` whenever this process gains the lease, with a signal that fires when it is lost; `emptied` says that Redis holds nothing of
   * ours (first start, or it was emptied), so that records must be rebuilt. Resolves when `signal` fires, with the lease given back.
   */
  run(
    lead: (term: { readonly signal: AbortSignal; readonly emptied: boolean }) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Upkeep of the queue, by the leader. */
export interface Upkeep {
  /** Wakes jobs whose entry is lost, and groups the dead letters of older versions. Resolves with how many were lost. */
  sweep(entryAgeMs: number): Promise<number>;
  /** Forgets old jobs that are over. */
  trim(): Promise<number>;
}
