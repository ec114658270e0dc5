import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';
import type { TestCertificate } from './certificate.ts';

export interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly path: string;
  /** The name that TLS asked for. */
  readonly serverName?: string;
}

/** Answers a request whose body has come; the default is 204. `n` counts from 1. */
export type Behaviour = (received: Received, response: ServerResponse, n: number) => void;

/** A real HTTP server that keeps what it gets. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** In the order of arrival, whatever was answered. */
  readonly received: readonly Received[];
  behave(behaviour: Behaviour): void;
  /** Resolves once that many requests have come. */
  until(count: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Verifies with the library that Standard Webhooks publishes, at the time of the attempt (it refuses old ones, and tests put the clock
 * forward). @throws when the signature is not good
 */
export function verify(secret: string, { body, headers }: Received): unknown {
  const now = vi.spyOn(Date, 'now').mockReturnValue(Number(headers['webhook-timestamp']) * 1_000);
  try {
    return new Webhook(secret).verify(body, headers as Record<string, string>);
  } finally {
    now.mockRestore();
  }
}

export const answerWith =
  (status: number, headers: Readonly<Record<string, string>> = {}, body = ''): Behaviour =>
  (_received, response) => {
    response.writeHead(status, headers).end(body);
  };

export async function startReceiver(
  behaviour: Behaviour = answerWith(204),
  options: { readonly port?: number; readonly certificate?: TestCertificate } = {},
): Promise<Receiver> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let behave = behaviour;
  const take: RequestListener = (request, response) => {
    void readBody(request).then((body) => {
      const one = {
        id: String(request.headers['webhook-id']),
        headers: request.headers,
        body,
        path: request.url ?? '',
        ...serverNameOf(request.socket),
      };
      received.push(one);
      behave(one, response, received.length);
      for (const look of waiting) look();
    });
  };
  const { certificate } = options;
  const server: Server = certificate === undefined ? createServer(take) : createTlsServer(certificate, take);
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/hook?key=hush`,
    port,
    received,
    behave: (next) => (behave = next),
    until: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (received.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

function serverNameOf(socket: object): { readonly serverName?: string } {
  return 'servername' in socket && typeof socket.servername === 'string' ? { serverName: socket.servername } : {};
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
