import { Duplex } from 'node:stream';
import { MAX_PAYLOAD_BYTES } from './frame.ts';

/** How many bytes of a stream may be under way, or lie unread, in one direction. */
const WINDOW_BYTES = 256 * 1_024;

/** What a stream asks of its link; each resolves when the link has room for more. */
export interface StreamLink {
  data(id: number, payload: Buffer): Promise<void>;
  credit(id: number, bytes: number): void;
  end(id: number): Promise<void>;
  /** Nobody hears the stream any more. */
  left(id: number): void;
}

/** One of the byte streams of a link. To destroy it is to hear no more of it: its end goes to the guest, and what still comes is dropped. */
export class LinkStream extends Duplex {
  readonly id: number;
  readonly #link: StreamLink;
  /** Bytes that the guest may send yet. */
  #allowed = WINDOW_BYTES;
  /** Bytes that we may send yet. */
  #credit = WINDOW_BYTES;
  #granted = Promise.withResolvers<void>();
  #isForgotten = false;

  constructor(id: number, link: StreamLink) {
    super({ allowHalfOpen: true, writableHighWaterMark: MAX_PAYLOAD_BYTES });
    this.id = id;
    this.#link = link;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    void settle(this.#send(chunk), done);
  }

  async #send(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      while (this.#credit === 0) await this.#granted.promise;
      if (this.destroyed) return;
      const size = Math.min(chunk.length - at, this.#credit, MAX_PAYLOAD_BYTES);
      this.#credit -= size;
      await this.#link.data(this.id, Buffer.from(chunk.subarray(at, at + size)));
      at += size;
    }
  }

  override _final(done: (error?: Error) => void): void {
    void settle(this.#link.end(this.id), done);
  }

  /** Asked for more: half of the window that is free is granted anew. */
  override _read(): void {
    const free = WINDOW_BYTES - this.#allowed - this.readableLength;
    if (free < WINDOW_BYTES / 2 || this.readableEnded) return;
    this.#allowed += free;
    this.#link.credit(this.id, free);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wake();
    if (!this.#isForgotten) this.#link.left(this.id);
    done(error);
  }

  /** The link is over, or both directions are: it is not told of the end. */
  forget(): void {
    this.#isForgotten = true;
  }

  /** Dropped, so that the guest gets to its end. */
  #pass(): void {
    const free = WINDOW_BYTES - this.#allowed;
    if (free < WINDOW_BYTES / 2) return;
    this.#allowed += free;
    this.#link.credit(this.id, free);
  }

  #wake(): void {
    const granted = this.#granted;
    this.#granted = Promise.withResolvers<void>();
    granted.resolve();
  }

  /** false: more than was allowed. */
  arrived(bytes: Buffer): boolean {
    if (bytes.length > this.#allowed || this.readableEnded) return false;
    this.#allowed -= bytes.length;
    if (this.destroyed) this.#pass();
    else this.push(Buffer.from(bytes));
    return true;
  }

  /** false: the guest has lost count. */
  grant(bytes: number): boolean {
    if (this.#credit + bytes > WINDOW_BYTES) return false;
    this.#credit += bytes;
    this.#wake();
    return true;
  }

  ended(): void {
    if (!this.destroyed) this.push(null);
  }
}

async function settle(work: Promise<void>, done: (error?: Error) => void): Promise<void> {
  let fault: Error | undefined;
  try {
    await work;
  } catch (error) {
    fault = error instanceof Error ? error : new Error(String(error));
  }
  done(fault);
}
