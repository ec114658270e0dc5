import type { Frame } from './frame.ts';

const FRAME_OVERHEAD_BYTES = 24;

/** Keeps reliable frames from when they are handed over until the guest has acknowledged them. */
export class Journal {
  readonly #frames: Frame[] = [];
  #last = 0;
  #sent = 0;
  bytes = 0;

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** The lowest number that can still be sent. */
  get first(): number {
    return this.#last + 1 - this.#frames.length;
  }

  get last(): number {
    return this.#last;
  }

  add(frame: Omit<Frame, 'seq' | 'ack'>): void {
    this.#last += 1;
    this.#frames.push({ ...frame, seq: this.#last, ack: 0 });
    this.bytes += FRAME_OVERHEAD_BYTES + frame.payload.length;
  }

  /** Forgets what the guest has; says whether that was news. Numbers that were never given change nothing. */
  acknowledge(received: number): boolean {
    if (received < this.first || received > this.#last) return false;
    for (const frame of this.#frames.splice(0, received + 1 - this.first))
      this.bytes -= FRAME_OVERHEAD_BYTES + frame.payload.length;
    this.#sent = Math.max(this.#sent, received);
    return true;
  }

  /** The next frame to write, if there is one. */
  next(): Frame | undefined {
    if (this.#sent === this.#last) return undefined;
    const frame = this.#frames[this.#sent + 1 - this.first];
    this.#sent += 1;
    return frame;
  }

  /** Everything after what the guest has is written again. */
  rewind(): void {
    this.#sent = this.first - 1;
  }

  /** What waits, of which nothing was sent yet, gets numbers after this one. */
  startAfter(number: number): void {
    const waiting = this.#frames.splice(0);
    this.#last = number;
    this.#sent = number;
    this.bytes = 0;
    for (const frame of waiting) this.add(frame);
  }
}
