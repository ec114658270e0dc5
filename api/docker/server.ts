import { context } from '@opentelemetry/api';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asStowageError, StowageError } from '../../core/errors.ts';
import { hasRole } from '../../jobs/submit.ts';
import { formatListen, isLoopback, type ListenAddress } from '../../platform/listen.ts';
import type { Caller } from '../caller.ts';
import { logFailure, logRequest } from '../request-log.ts';
import { createRequestTraces, type RequestTrace, type RequestTraces } from '../request-trace.ts';
import { type Answer, writeAnswer } from './answer.ts';
import { parseBody, readJson } from './body.ts';
import { callerOf } from './caller.ts';
import { answerOf, messageOf } from './errors.ts';
import { closeGently, hijackResponse, hijackSocket, takeBody } from './hijack.ts';
import type { DockerParts, DockerTls } from './parts.ts';
import { createRouter, type RouteMatch, type Router } from './router.ts';
import { ROUTES } from './routes.ts';
import { createTlsServer } from './tls.ts';
import { API_VERSION, splitVersion } from './version.ts';
import { webSocketKey } from './web-socket.ts';

/** Longer than the CLI and SDKs keep idle connections. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_MS = 60_000;
/** Of TCP: what shows that a client which only listens is gone. */
const PROBE_MS = 30_000;
/** Of events, pulls, logs, archives and hijacked connections; many hold a connection to Redis. */
const MAX_STREAMS = 1_000;
const STREAMS: ReadonlySet<Answer['type']> = new Set(['lines', 'bytes', 'hijack']);
const QUIET_ROUTES: ReadonlySet<string> = new Set(['/_ping', 'unknown']);

export interface DockerServer {
  /** @returns the address with its port, as text. @throws when plain HTTP would leave this machine, or the port is taken */
  listen(address: ListenAddress): Promise<string>;
  /** Streams end and waits are answered at once; then requests under way end. */
  close(): Promise<void>;
}

interface Serving {
  readonly parts: DockerParts;
  readonly router: Router;
  readonly traces: RequestTraces;
  readonly stopping: AbortSignal;
  readonly listen: ListenAddress;
  readonly streams: { open: number };
}

/** The Docker Engine API, for the unmodified docker CLI and its SDKs. */
export function createDockerServer(parts: DockerParts): DockerServer {
  const stopping = new AbortController();
  const router = createRouter(ROUTES);
  const traces = createRequestTraces('stowage-docker', parts);
  const { server, dropHandshakes } = createHttpServer(parts.tls, (request) => mayUpgrade(router, request));
  // An upload or an attached terminal takes as long as it takes.
  server.requestTimeout = 0;
  server.headersTimeout = HEADERS_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return {
    async listen(address) {
      if (parts.tls === undefined && !isLoopback(address))
        throw new StowageError('request-invalid', `${formatListen(address)} without TLS would be open to everybody`);
      const serving = { parts, router, traces, stopping: stopping.signal, listen: address, streams: { open: 0 } };
      server.on('request', (request, response) => {
        // Otherwise an idle connection would hold the closing server open.
        response.once('close', () => {
          if (stopping.signal.aborted) setImmediate(() => server.closeIdleConnections());
        });
        void serve(serving, { request, response });
      });
      server.on('upgrade', (request, socket, head) => void serve(serving, upgraded(request, socket, head)));
      server.listen({ host: address.host, port: address.port });
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      return formatListen({ host: address.host, port });
    },
    async close() {
      stopping.abort();
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      dropHandshakes();
      await closed;
    },
  };
}

function createHttpServer(
  tls: DockerTls | undefined,
  shouldUpgradeCallback: (request: IncomingMessage) => boolean,
): { readonly server: Server; dropHandshakes(): void } {
  const options = { keepAlive: true, keepAliveInitialDelay: PROBE_MS, shouldUpgradeCallback };
  if (tls !== undefined) return createTlsServer(tls, options);
  return { server: createServer(options), dropHandshakes: () => undefined };
}

/** Every other request to upgrade (some clients ask for h2c) is answered as if it had not asked. */
function mayUpgrade(router: Router, { method = '', url = '', headers }: IncomingMessage): boolean {
  const isWebSocket = webSocketKey(headers) !== undefined;
  if (!isWebSocket && !/(?:^|,)\s*tcp\s*(?:,|$)/i.test(headers.upgrade ?? '')) return false;
  try {
    const { minor, rest } = splitVersion(url.split('?', 1)[0] ?? '');
    return router.find(method, rest, minor)?.route.hijacks === (isWebSocket ? 'web-socket' : true);
  } catch {
    return false;
  }
}

/** One request. `socket`: it upgrades, and its body and whatever follows are still there to be read. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket?: Duplex;
}

function upgraded(request: IncomingMessage, socket: Duplex, head: Buffer): Exchange {
  socket.on('error', () => undefined);
  if (head.length > 0) socket.unshift(head);
  // For a refusal only: it ends the connection.
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  response.shouldKeepAlive = false;
  response.once('finish', () => void closeGently(socket));
  return { request, response, socket };
}

/** What is known of a request so far, for its log line. */
interface Progress {
  readonly trace: RequestTrace;
  readonly method: string;
  readonly path: string;
  route: string;
  caller?: Caller;
  answer?: Answer['type'];
}

async function serve(serving: Serving, exchange: Exchange): Promise<void> {
  const { request, response, socket } = exchange;
  const { parts, traces, stopping } = serving;
  const [path = '/'] = (request.url ?? '/').split('?', 1);
  const method = request.method ?? 'GET';
  const scheme = parts.tls === undefined ? 'http' : 'https';
  const trace = traces.begin({ method, path, scheme, traceparent: request.headers['traceparent'] });
  const progress: Progress = { trace, method, path, route: 'unknown' };
  const gone = new AbortController();
  (socket ?? response).once('close', () => {
    gone.abort();
    finish(serving, progress, response.statusCode);
  });
  setHeaders(response, serving, trace);
  const signal = AbortSignal.any([gone.signal, stopping]);
  await context.with(trace.context, async () => {
    try {
      const answer = await answerTo(serving, exchange, progress, signal);
      progress.answer = answer.type;
      if (STREAMS.has(answer.type)) countStream(serving, gone.signal);
      if (answer.type === 'hijack') await hijack(exchange, answer);
      else await writeAnswer(response, answer, gone.signal);
    } catch (thrown) {
      await writeFailure(serving, progress, response, thrown, gone.signal);
    }
  });
}

async function hijack(
  { request, response, socket }: Exchange,
  answer: Extract<Answer, { type: 'hijack' }>,
): Promise<void> {
  if (socket === undefined) return await hijackResponse(request, response, answer);
  response.detachSocket(socket as Socket);
  response.statusCode = 101;
  await hijackSocket(socket, answer);
}

/** @throws `streams-exhausted` */
function countStream({ streams }: Serving, gone: AbortSignal): void {
  if (streams.open >= MAX_STREAMS)
    throw new StowageError('streams-exhausted', `${MAX_STREAMS} streams of the Docker API are open here`);
  streams.open += 1;
  gone.addEventListener('abort', () => (streams.open -= 1), { once: true });
}

function setHeaders(response: ServerResponse, { parts, stopping }: Serving, trace: RequestTrace): void {
  response.setHeader('Api-Version', API_VERSION);
  response.setHeader('Docker-Experimental', 'false');
  response.setHeader('Ostype', 'linux');
  response.setHeader('Server', `Stowage/${parts.version} (linux)`);
  response.setHeader('Stowage-Trace-Id', trace.traceId);
  if (stopping.aborted) response.setHeader('Connection', 'close');
}

async function answerTo(
  serving: Serving,
  { request, socket }: Exchange,
  progress: Progress,
  signal: AbortSignal,
): Promise<Answer> {
  const { parts, listen } = serving;
  const caller = callerOf(request, parts.roles, listen);
  progress.caller = caller;
  const { minor, rest } = splitVersion(progress.path);
  const { route, names } = findRoute(serving, progress.method, rest, minor);
  progress.route = route.path;
  if (!hasRole(caller.role, route.role))
    throw new StowageError(
      'role-insufficient',
      `this needs the role ${route.role}; ${caller.actor} is a ${caller.role}`,
    );
  const call = {
    names,
    query: new URLSearchParams(request.url?.split('?').slice(1).join('?') ?? ''),
    headers: request.headers,
    minor,
    caller,
    traceparent: progress.trace.traceparent,
    signal,
    stopping: serving.stopping,
    readJson: async () =>
      socket === undefined
        ? await readJson(request)
        : parseBody(String(await takeBody(socket, request, signal)), request.headers['content-type'] ?? ''),
    body: request,
  };
  return await route.handler(call, parts);
}

function findRoute({ router }: Serving, method: string, path: string, minor: number): RouteMatch {
  const found = router.find(method satisfies string, path, minor);
  if (found === undefined) throw new StowageError('route-unknown', 'page not found');
  return found;
}

/** Before the answer has begun a status tells; afterwards a last line, which clients of such streams look for, or that the connection breaks. */
async function writeFailure(
  { parts, stopping }: Serving,
  { trace, route, answer: begun }: Progress,
  response: ServerResponse,
  thrown: unknown,
  gone: AbortSignal,
): Promise<void> {
  const error = asStowageError(thrown);
  const answer = answerOf(error, trace.traceId);
  if (!gone.aborted) logFailure(parts.logger, error, { trace, route, status: 'status' in answer ? answer.status : 0 });
  if (response.statusCode === 101) return;
  if (response.headersSent && begun !== 'lines') {
    response.destroy();
    return;
  }
  if (response.headersSent) {
    const message = messageOf(error, trace.traceId);
    response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
    return;
  }
  if (stopping.aborted) response.setHeader('Connection', 'close');
  await writeAnswer(response, answer, gone);
}

function finish({ parts, traces }: Serving, { trace, method, path, route, caller }: Progress, status: number): void {
  traces.end(trace, { method, route, status });
  logRequest(parts.logger, {
    trace,
    method,
    path,
    status,
    actor: caller?.actor,
    nowMs: parts.clock.monotonicMs(),
    isQuiet: QUIET_ROUTES.has(route),
  });
}
