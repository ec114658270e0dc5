/**
 * What a caller shows before it changes anything in vSphere: that it held the claim a moment ago. A process that slept past
 * its lock (SIGSTOP, a long pause) finds `assertHeld` throwing when it wakes, before its request leaves.
 */
export interface Fence {
  /** The fencing token of the claim. */
  readonly epoch: number;
  /** Fires when the claim is lost, the job is cancelled, its deadline passes, or the process shuts down. */
  readonly signal: AbortSignal;
  /** @throws StowageError `claim-lost` when the claim was not confirmed recently enough. Synchronous: call it right before sending. */
  assertHeld(): void;
}
