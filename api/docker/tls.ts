import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

const TEXT = 'Client sent an HTTP request to an HTTPS server.\n';
const ANSWER = `HTTP/1.0 400 Bad Request\r\n\r\n${TEXT}`;

/** Tells a client that speaks plain HTTP to a TLS port what is wrong, in dockerd's words; Node would only hang up. */
export function answerPlainClients(server: Server): void {
  const raw = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    raw.set(key, socket);
    socket.once('close', () => raw.delete(key));
  });
  server.on('tlsClientError', (error: Error & { readonly code?: string }, socket: TLSSocket) => {
    const connection = raw.get(keyOf(socket));
    if (error.code === 'ERR_SSL_HTTP_REQUEST' && connection?.writable === true) connection.end(ANSWER);
    else socket.destroy();
  });
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
