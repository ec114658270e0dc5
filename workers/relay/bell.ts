import { pause } from '../../platform/pause.ts';

/** Wakes a loop that waits: a ring while it is busy is heard at its next wait. */
export class Bell {
  #ringing = new AbortController();

  ring(): void {
    this.#ringing.abort();
  }

  /** Resolves at a ring, after `ms`, or when the signal fires. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await pause(ms, AbortSignal.any([this.#ringing.signal, signal]));
    this.#ringing = new AbortController();
  }
}
