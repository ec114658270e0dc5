import { createServer, type Server, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DockerTls } from './parts.ts';

const TEXT = 'Client sent an HTTP request to an HTTPS server.\n';
const ANSWER = `HTTP/1.0 400 Bad Request\r\n\r\n${TEXT}`;
const HANDSHAKE_MS = 10_000;

export interface TlsServer {
  readonly server: Server;
  /** A client that gave up in the middle would hold a closing server open until the handshake's time is up. */
  dropHandshakes(): void;
}

/** A server that takes only clients with a certificate of the CA. */
export function createTlsServer(tls: DockerTls, options: ServerOptions): TlsServer {
  // allowHalfOpen: the CLI ends its side of a hijacked connection as soon as it has no more input; output goes on.
  const server = createServer({
    ...options,
    ...tls,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_MS,
    allowHalfOpen: true,
  });
  return { server, dropHandshakes: watchHandshakes(server) };
}

/** Tells a client that speaks plain HTTP what is wrong, in dockerd's words; Node would only hang up. */
function watchHandshakes(server: Server): () => void {
  const shaking = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const key = keyOf(socket);
    shaking.set(key, socket);
    socket.once('close', () => shaking.delete(key));
  });
  server.on('secureConnection', (socket: TLSSocket) => shaking.delete(keyOf(socket)));
  server.on('tlsClientError', (error: Error & { readonly code?: string }, socket: TLSSocket) => {
    const connection = shaking.get(keyOf(socket));
    if (error.code === 'ERR_SSL_HTTP_REQUEST' && connection?.writable === true) connection.end(ANSWER);
    else socket.destroy();
  });
  return () => {
    for (const socket of shaking.values()) socket.destroy();
  };
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
