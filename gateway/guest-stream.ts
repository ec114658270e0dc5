import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { lost } from './face-client.ts';
import { PieceWatch } from './pieces.ts';

/** A stream to a guest, at the end of api and workers. It fails unless the guest's last piece came: the end of a connection alone says nothing. */
export class GuestStream extends Duplex {
  readonly #socket: Socket;
  readonly #watch = new PieceWatch();

  constructor(socket: Socket, signal: AbortSignal) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#watch.see(bytes);
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.destroy(lost(error)));
    socket.on('close', () => this.#onEnd());
    const abandon = (): void => void this.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', abandon, { once: true });
    this.once('close', () => signal.removeEventListener('abort', abandon));
    // Whoever has the stream hears of it by reading or writing; nobody may be there yet.
    this.on('error', () => undefined);
    if (signal.aborted) abandon();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // An orderly end would only be the end of the input.
    if (this.#watch.isOver) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    done(error);
  }

  #onEnd(): void {
    if (this.#watch.isOver) this.push(null);
    else this.destroy(lost(new Error('it ended in the midst of a stream')));
  }
}
