import { StowageError } from '../core/errors.ts';
import type { Claim } from '../core/ports/jobs.ts';
import type { Fence } from '../core/ports/fence.ts';

/** Why a job's work was interrupted. */
export type Interruption = 'claim-lost' | 'cancelled' | 'deadline' | 'shutdown';

/**
 * Shows that the claim was ours a moment ago. The queue renews its lock every half of its length, so after a confirmation at time t
 * nobody can have taken the job over before t + lockMs / 2: within that span no further check is needed.
 */
export class ClaimFence implements Fence {
  readonly epoch: number;
  readonly #claim: Claim;
  readonly #trustMs: number;
  readonly #monotonicMs: () => number;
  readonly #controller = new AbortController();
  #confirmedAt: number;
  #interruption: Interruption | undefined;

  constructor(claim: Claim, lockMs: number, monotonicMs: () => number) {
    this.epoch = claim.epoch;
    this.#claim = claim;
    this.#trustMs = lockMs / 2;
    this.#monotonicMs = monotonicMs;
    this.#confirmedAt = monotonicMs();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** Redis has just said that the claim is ours; `askedAt` is when it was asked, since the answer may have been long under way. */
  confirm(askedAt: number): void {
    this.#confirmedAt = Math.max(this.#confirmedAt, askedAt);
  }

  /** The first reason stays. */
  interrupt(reason: Interruption): void {
    if (this.#interruption !== undefined) return;
    this.#interruption = reason;
    this.#controller.abort(
      new StowageError(reason === 'cancelled' ? 'job-cancelled' : 'claim-lost', `the job was interrupted: ${reason}`),
    );
  }

  /** Undoing goes on after a cancellation or a passed deadline, under the same claim. */
  forUndo(): ClaimFence {
    const fence = new ClaimFence(this.#claim, this.#trustMs * 2, this.#monotonicMs);
    fence.confirm(this.#confirmedAt);
    return fence;
  }

  assertHeld(): void {
    this.signal.throwIfAborted();
    const age = this.#monotonicMs() - this.#confirmedAt;
    if (age > this.#trustMs) {
      throw new StowageError(
        'claim-lost',
        `the claim was last confirmed ${Math.round(age)} ms ago: another worker may have it`,
      );
    }
  }
}
