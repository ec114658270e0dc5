/** A timer that is late by so little may be made up for; no more comes at once. */
const SLACK_MS = 50;

export interface Timing {
  monotonicMs(): number;
  /** Rejects when the work is interrupted. */
  sleep(ms: number): Promise<unknown>;
}

/** A steady rate: turns come evenly, and those that were missed are not made up for. */
export class Pace {
  readonly #intervalMs: number;
  readonly #timing: Timing;
  #nextMs: number;

  constructor(ratePerSecond: number, timing: Timing) {
    this.#intervalMs = 1_000 / ratePerSecond;
    this.#timing = timing;
    this.#nextMs = timing.monotonicMs();
  }

  /** Resolves when the next turn has come. It stays until it is taken. */
  async turn(): Promise<void> {
    const waitMs = this.#nextMs - this.#timing.monotonicMs();
    if (waitMs > 0) await this.#timing.sleep(waitMs);
  }

  take(): void {
    this.#nextMs = Math.max(this.#nextMs, this.#timing.monotonicMs() - SLACK_MS) + this.#intervalMs;
  }
}
