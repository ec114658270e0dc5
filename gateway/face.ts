import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { asStowageError, StowageError, statusOf } from '../core/errors.ts';
import { type ContainerId, parseContainerId } from '../core/ids.ts';
import { formatListen, type ListenAddress } from '../platform/listen.ts';
import type { Logger } from '../platform/log.ts';
import { join, LENGTH_HEADER, PURPOSE_HEADER, readBehindHead, STREAM_PROTOCOL } from './face-stream.ts';
import { isProof } from './handshake.ts';
import { MAX_PURPOSE_BYTES } from './link-json.ts';
import { removeLog } from './log-segments.ts';
import { outputQuery } from './output-query.ts';
import { readOutput } from './output-stream.ts';
import type { Guest } from './guest.ts';

// The internal face, for api and workers alone; gateway/client.ts is its other end.

export interface FaceConfig {
  readonly listen: ListenAddress;
  readonly find: (container: ContainerId) => Guest | undefined;
  readonly token: string;
  readonly logDir: string;
  readonly metricsText: () => Promise<string>;
  /** Rejects with why this gateway is of no use now. */
  readonly ready: () => Promise<void>;
  readonly logger: Logger;
}

interface Asked {
  readonly response: ServerResponse;
  readonly url: URL;
  readonly container: ContainerId;
}

const about = z.record(z.string(), z.json());

const CONTAINER_PATH = /^\/containers\/([0-9a-f]{64})\/(streams|output)$/;

export class Face {
  readonly #config: FaceConfig;
  readonly #server: Server;
  readonly #joined = new Set<Duplex>();
  readonly #routes: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
    'GET output': (asked) => this.#output(asked),
    'DELETE output': (asked) => this.#forget(asked),
  };

  constructor(config: FaceConfig) {
    this.#config = config;
    this.#server = createServer({ requestTimeout: 0, keepAliveTimeout: 30_000 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#fail(response, error));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#open(request, socket, head);
    });
  }

  /** Resolves with where it listens. */
  async listen(): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { host, port } = this.#config.listen;
    this.#server.once('error', reject).listen(port, host, resolve);
    await promise;
    const address = this.#server.address();
    return formatListen({ host, port: typeof address === 'object' && address !== null ? address.port : port });
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#joined) socket.destroy();
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://gateway');
    if (request.method === 'GET' && url.pathname === '/healthz') return sendJson(response, 200, { status: 'ok' });
    if (request.method === 'GET' && url.pathname === '/readyz') return this.#readiness(response);
    if (request.method === 'GET' && url.pathname === '/metrics') {
      const type = 'text/plain; version=0.0.4; charset=utf-8';
      response.writeHead(200, { 'content-type': type }).end(await this.#config.metricsText());
      return;
    }
    this.#authorize(request);
    const [, id = '', what = ''] = CONTAINER_PATH.exec(url.pathname) ?? [];
    const container = parseContainerId(id);
    const route = this.#routes[`${request.method} ${what}`];
    if (container === undefined || route === undefined)
      throw new StowageError('route-unknown', `${request.method} ${url.pathname} is nothing that a gateway answers`);
    await route({ response, url, container });
  }

  async #readiness(response: ServerResponse): Promise<void> {
    try {
      await this.#config.ready();
      sendJson(response, 200, { status: 'ready' });
    } catch (error) {
      const { code, message } = asStowageError(error);
      sendJson(response, 503, { status: 'not ready', code, detail: message });
    }
  }

  /** @throws StowageError */
  #authorize({ headers }: IncomingMessage): void {
    if (headers.authorization === undefined) throw new StowageError('credentials-missing', 'no token was sent');
    if (!isProof(headers.authorization, `Bearer ${this.#config.token}`))
      throw new StowageError(
        'credentials-wrong',
        'the token is not that of this installation: is the gateway key the same?',
      );
  }

  #fail(response: ServerResponse, thrown: unknown): void {
    if (response.headersSent) {
      // Whoever reads sees that this is not the end.
      response.destroy();
      return;
    }
    const { code, message } = errorOf(thrown);
    if (code === 'internal-error') this.#config.logger.error({ err: thrown }, 'a request failed');
    sendJson(response, statusOf(code), { code, message });
  }

  async #output({ response, url, container }: Asked): Promise<void> {
    const query = outputQuery.parse(Object.fromEntries(url.searchParams));
    const { find, logDir } = this.#config;
    const guest = query.follow === undefined && query.hold === undefined ? find(container) : this.#guest(container);
    if (query.only !== undefined && query.follow !== undefined && guest?.boot !== query.boot)
      throw new StowageError('guest-unreachable', 'another run of the container is at this gateway');
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const live = guest === undefined ? {} : { live: { log: guest.log, isOver: () => guest.isOver || guest.isLost } };
    const output = readOutput({ place: { dir: logDir, container }, query, signal: gone.signal, ...live });
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).flushHeaders();
    const isLost = (): boolean => guest !== undefined && query.follow !== undefined && guest.isLost;
    await pipeline(Readable.from(untilLost(output, isLost), { objectMode: true, highWaterMark: 1 }), response).catch(
      (error: unknown) => {
        if (!gone.signal.aborted) throw error;
      },
    );
  }

  async #forget({ response, container }: Asked): Promise<void> {
    const { find, logDir } = this.#config;
    const guest = find(container);
    if (guest === undefined) removeLog({ dir: logDir, container });
    else guest.log.forget();
    sendJson(response, 200, {});
  }

  /** @throws StowageError `guest-unreachable` */
  #guest(container: ContainerId): Guest {
    const guest = this.#config.find(container);
    if (guest === undefined)
      throw new StowageError('guest-unreachable', `the guest of ${container.slice(0, 12)} is not at this gateway`);
    return guest;
  }

  async #open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#joined.add(socket);
    socket.on('close', () => this.#joined.delete(socket)).on('error', () => undefined);
    try {
      this.#authorize(request);
      const [, id = '', what] = CONTAINER_PATH.exec(request.url ?? '') ?? [];
      const container = parseContainerId(id);
      if (what !== 'streams' || container === undefined || !(socket instanceof Socket))
        throw new StowageError('route-unknown', 'no stream leads there');
      const { text, rest } = await purposeIn(request, socket, head);
      const stream = this.#guest(container).link.open(about.parse(JSON.parse(text.toString('utf8'))));
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${STREAM_PROTOCOL}\r\n\r\n`);
      join(socket, rest, stream);
    } catch (thrown) {
      const { code, message } = errorOf(thrown);
      const body = JSON.stringify({ code, message });
      socket.end(
        `HTTP/1.1 ${statusOf(code)} Refused\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    }
  }
}

/** What the stream is for, and what came behind it. @throws StowageError */
async function purposeIn(
  { headers }: IncomingMessage,
  socket: Socket,
  head: Buffer,
): Promise<{ readonly text: Buffer; readonly rest: Buffer }> {
  const length = headers[LENGTH_HEADER];
  if (length === undefined) return { text: Buffer.from(String(headers[PURPOSE_HEADER]), 'base64url'), rest: head };
  const size = z.coerce.number().int().min(1).safeParse(length);
  if (!size.success || size.data > MAX_PURPOSE_BYTES)
    throw new StowageError('request-invalid', `what a stream is for is ${MAX_PURPOSE_BYTES} bytes at most`);
  return readBehindHead(socket, head, size.data);
}

/** A guest that talks to another gateway now has its output there: whoever follows must go there, and see no end here. */
async function* untilLost(pieces: AsyncIterable<Buffer>, isLost: () => boolean): AsyncGenerator<Buffer, void> {
  yield* pieces;
  if (isLost()) throw new StowageError('guest-unreachable', 'the guest is at another gateway');
}

function errorOf(thrown: unknown): StowageError {
  if (thrown instanceof z.ZodError)
    return new StowageError('request-invalid', z.prettifyError(thrown), { cause: thrown });
  return asStowageError(thrown);
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
