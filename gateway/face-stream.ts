import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import type { LinkStream } from './stream.ts';

/** To what a connection is upgraded: nothing but the stream's bytes. */
export const STREAM_PROTOCOL = 'stowage-stream';
const BEHIND_MS = 10_000;

/** The header that has what a stream is for: base64url of JSON… */
export const PURPOSE_HEADER = 'stowage-stream';
/** …or this one, which says how many bytes of JSON come behind the head: no server takes a head of any length. */
export const LENGTH_HEADER = 'stowage-stream-length';
export const LONGEST_HEADER_BYTES = 4_096;

/** Reads what comes behind the head. @returns it, and what came after it */
export async function readBehindHead(
  socket: Socket,
  head: Buffer,
  size: number,
): Promise<{ readonly text: Buffer; readonly rest: Buffer }> {
  const parts = [head];
  let length = head.length;
  while (length < size) {
    const [part] = (await once(socket, 'data', { signal: AbortSignal.timeout(BEHIND_MS) })) as [Buffer];
    parts.push(part);
    length += part.length;
  }
  socket.pause();
  const all = Buffer.concat(parts);
  return { text: all.subarray(0, size), rest: all.subarray(size) };
}

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
