import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asStowageError } from '../core/errors.ts';
import type { ListenAddress } from '../platform/listen.ts';

export interface StatusParts {
  readonly listen: ListenAddress;
  readonly metricsText: () => Promise<string>;
  /** Resolves when a job could run now; rejects with why not. */
  readonly ready: () => Promise<void>;
}

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A worker's own page for supervisors: `/healthz` (the process runs), `/readyz` (a job could run), `/metrics`. No key: bind it to loopback or a cluster's network. */
export async function startStatusServer(parts: StatusParts): Promise<StatusServer> {
  const routes: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
    '/healthz': async (response) => sendJson(response, 200, { status: 'ok' }),
    '/readyz': async (response) => {
      const fault = await parts.ready().then(
        () => undefined,
        (thrown: unknown) => asStowageError(thrown),
      );
      if (fault === undefined) return sendJson(response, 200, { status: 'ready' });
      return sendJson(response, 503, { status: 'not ready', code: fault.code, detail: fault.message });
    },
    '/metrics': async (response) => {
      response
        .writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
        .end(await parts.metricsText());
    },
  };
  const server = createServer((request, response) => {
    const route = request.method === 'GET' ? routes[new URL(request.url ?? '/', 'http://worker').pathname] : undefined;
    if (route === undefined) sendJson(response, 404, { status: 'no such page' });
    else route(response).catch(() => response.destroy());
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(parts.listen.port, parts.listen.host, resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      server.closeAllConnections();
      await closed.promise;
    },
  };
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
