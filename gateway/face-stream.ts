import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { LinkStream } from './stream.ts';

/** To what a connection is upgraded: nothing but the stream's bytes. */
export const STREAM_PROTOCOL = 'stowage-stream';

/** Joins a connection with a stream of a guest: each direction ends by itself, and holds up its own sender. What breaks one breaks the other. */
export function join(socket: Socket, head: Buffer, stream: LinkStream): void {
  socket.setNoDelay(true);
  socket.setTimeout(0);
  if (head.length > 0) socket.unshift(head);
  socket.pipe(stream);
  stream.pipe(socket);
  onBreak(socket, () => stream.destroy());
  // A reset tells the other end that this is no orderly end.
  onBreak(stream, () => socket.resetAndDestroy());
}

function onBreak(one: Duplex, tell: () => void): void {
  one.on('error', tell).on('close', () => {
    if (!one.readableEnded || !one.writableFinished) tell();
  });
}
