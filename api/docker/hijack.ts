import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StowageError } from '../../core/errors.ts';
import { webSocketHead, WebSocketLine } from './web-socket.ts';

// Hijack: after the header the connection carries raw bytes both ways. A client ends its own side as soon as it has no more input, and
// still reads: the end of its bytes says nothing of whether it is gone.

/** What a container's streams are connected to. */
export interface ClientLine {
  /** undefined: the client cannot send anything, which is not the same as an end. */
  readonly input: Readable | undefined;
  readonly output: Writable;
}

export interface Hijack {
  /** The client asked for a web socket, with this key. */
  readonly webSocketKey?: string;
  readonly contentType: string;
  /** Resolves when nothing more is to be said; the line is closed then. */
  readonly serve: (line: ClientLine) => Promise<void>;
}

/** Bytes that the client sent and nobody reads would reset the connection, and what it has not read yet would be lost. */
const LINGER_MS = 2_000;
const MAX_BODY_BYTES = 1_048_576;

/** A client that asked for `Upgrade: tcp`, or for a web socket: the socket is its own from here. */
export async function hijackSocket(socket: Duplex, { contentType, serve, webSocketKey: key }: Hijack): Promise<void> {
  if (key !== undefined) return await serveWebSocket(socket, key, serve);
  socket.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  // Begins to read, up to the stream's own limit, so that a connection that breaks is seen before anybody wants its bytes.
  socket.read(0);
  try {
    await serve({ input: socket, output: socket });
  } finally {
    await closeGently(socket);
  }
}

async function serveWebSocket(socket: Duplex, key: string, serve: Hijack['serve']): Promise<void> {
  socket.write(webSocketHead(key));
  const line = new WebSocketLine(socket);
  try {
    await serve({ input: line, output: line });
  } finally {
    line.end();
    await closeGently(socket);
  }
}

/** One that did not: the same bytes after a header 200, not chunked; the input is the body of the request, where it has one. */
export async function hijackResponse(
  request: IncomingMessage,
  response: ServerResponse,
  { contentType, serve }: Hijack,
): Promise<void> {
  response.useChunkedEncodingByDefault = false;
  response.writeHead(200, { 'content-type': contentType, connection: 'close' });
  response.flushHeaders();
  const hasBody = Number(request.headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in request.headers;
  try {
    await serve({ input: hasBody && !request.readableEnded ? request : undefined, output: response });
  } finally {
    response.end();
  }
}

/** Ends our side, and waits a little for the client to end its own. */
export async function closeGently(socket: Duplex): Promise<void> {
  if (socket.destroyed) return;
  socket.end();
  socket.resume();
  const patience = new AbortController();
  const closed = happened(socket, ['close', 'error'], patience.signal);
  await Promise.race([closed, sleep(LINGER_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  socket.destroy();
}

/** The body of a request whose socket was handed over unread; what follows it is input. @throws `body-malformed`, `body-too-large` */
export async function takeBody(socket: Duplex, { headers }: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  if (headers['transfer-encoding'] !== undefined)
    throw new StowageError('body-malformed', 'a request that upgrades needs a Content-Length');
  const length = Number(headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw new StowageError('body-too-large', `the body has over ${MAX_BODY_BYTES} bytes`);
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes: unknown = socket.read(length);
    if (Buffer.isBuffer(bytes) && bytes.length === length) return bytes;
    if (bytes !== null || socket.readableEnded || socket.destroyed || signal.aborted)
      throw new StowageError('body-malformed', 'the body ended before its Content-Length');
    await happened(socket, ['readable', 'end', 'close', 'error'], signal);
  }
}

/** The bytes of a stream as they come, until its end or the signal. Unlike its own iterator, this leaves the stream as it is. */
export async function* chunksOf(input: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  while (!signal.aborted) {
    const chunk: unknown = input.read();
    if (Buffer.isBuffer(chunk)) yield chunk;
    else if (input.readableEnded || input.destroyed) return;
    else await happened(input, ['readable', 'end', 'close', 'error'], signal);
  }
}

/** Writes at the pace of who reads. @returns false when nobody reads any more */
export async function send(output: Writable, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
  if (!isOpen(output) || signal.aborted) return false;
  if (!output.write(bytes)) await happened(output, ['drain', 'close', 'error'], signal);
  return isOpen(output) && !signal.aborted;
}

function isOpen(output: Writable): boolean {
  return !output.destroyed && !output.writableEnded;
}

/** Resolves at the first of the events, or when the signal fires. */
export async function happened(
  stream: Readable | Writable,
  events: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  for (const event of events) stream.on(event, done);
  signal.addEventListener('abort', done);
  try {
    await promise;
  } finally {
    for (const event of events) stream.off(event, done);
    signal.removeEventListener('abort', done);
  }
}
