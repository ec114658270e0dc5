import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// Between the workers under test and a real registry: records what is asked for, and holds or cuts answers on demand.

export interface RegistryRequest {
  readonly path: string;
  /** `bytes=1000-` */
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** An answer that stands still. */
export interface Hold {
  /** Resolves when the first bytes of an answer have been sent and nothing more is. */
  readonly reached: Promise<void>;
  /** Sends the rest, and no longer holds any answer. */
  release(): void;
  /** Ends the connection where it is, and no longer holds any answer. */
  cut(): void;
}

export interface RegistryProxy {
  readonly url: string;
  /** As it stands in the name of an image: `127.0.0.1:5001`. */
  readonly host: string;
  readonly requests: readonly RegistryRequest[];
  /** GETs of a blob, in order. */
  blobRequests(digest: string): readonly RegistryRequest[];
  /** Holds the answers for a blob after so many bytes of the blob. */
  hold(digest: string, afterBytes: number): Hold;
  close(): Promise<void>;
}

interface Held {
  readonly digest: string;
  readonly afterBytes: number;
  readonly over: Promise<'go on' | 'cut'>;
  readonly onReached: () => void;
}

/** @param target of the registry, e.g. `http://127.0.0.1:5000` */
export async function startRegistryProxy(target: string): Promise<RegistryProxy> {
  const { hostname, port } = new URL(target);
  const requests: RegistryRequest[] = [];
  const holds = new Set<Held>();

  function answer(incoming: IncomingMessage, response: ServerResponse): void {
    const { method, url: path = '', headers } = incoming;
    if (method === 'GET') requests.push({ path, range: headers.range, authorization: headers.authorization });
    const outgoing = request({ hostname, port, method, path, headers }, (head) => {
      response.writeHead(head.statusCode ?? 502, head.headers).flushHeaders();
      const held = [...holds].find(({ digest }) => method === 'GET' && path.endsWith(`/blobs/${digest}`));
      const start = Number(/^bytes (\d+)-/.exec(head.headers['content-range'] ?? '')?.[1] ?? 0);
      void send(head, response, { held, start }).catch(() => response.destroy());
    });
    outgoing.once('error', () => response.destroy());
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}`,
    host,
    requests,
    blobRequests: (digest) => requests.filter(({ path }) => path.endsWith(`/blobs/${digest}`)),
    hold(digest, afterBytes) {
      const reached = Promise.withResolvers<void>();
      const over = Promise.withResolvers<'go on' | 'cut'>();
      const held = { digest, afterBytes, over: over.promise, onReached: reached.resolve };
      holds.add(held);
      const end = (how: 'go on' | 'cut'): void => {
        holds.delete(held);
        over.resolve(how);
      };
      return { reached: reached.promise, release: () => end('go on'), cut: () => end('cut') };
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function send(
  head: IncomingMessage,
  response: ServerResponse,
  { held, start }: { readonly held: Held | undefined; readonly start: number },
): Promise<void> {
  let left = held === undefined ? Number.POSITIVE_INFINITY : Math.max(0, held.afterBytes - start);
  for await (const chunk of head as AsyncIterable<Buffer>) {
    const first = chunk.subarray(0, left);
    if (first.length > 0) response.write(first);
    left -= first.length;
    if (left > 0) continue;
    held?.onReached();
    if ((await held?.over) === 'cut') return void response.destroy();
    left = Number.POSITIVE_INFINITY;
    if (first.length < chunk.length) response.write(chunk.subarray(first.length));
  }
  response.end();
}
