import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import type { Socket } from 'node:net';
import { StowageError } from '../../core/errors.ts';
import { logRequests } from './access-log.ts';
import { auditRoutes } from './audit.ts';
import { auditRequests } from './auditing.ts';
import { authenticate } from './auth.ts';
import { containerRoutes, containerVerbRoutes } from './containers.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { deliveryRoutes } from './deliveries.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { hostRoutes, hostVerbRoutes } from './hosts.ts';
import { imageRoutes } from './images.ts';
import { jobActionRoutes } from './job-actions.ts';
import { jobRoutes } from './jobs.ts';
import { keyRoutes } from './keys.ts';
import { kindRoutes } from './kinds.ts';
import { metricRoutes } from './metrics.ts';
import { collectOpenApi, openApiRoutes } from './openapi.ts';
import { overviewRoutes } from './overview.ts';
import type { RestApp, RestParts, RouteParts, Routes } from './parts.ts';
import { problemPageRoutes } from './problem-pages.ts';
import { errorOfThrown, MAX_BODY_BYTES, PROBLEM_TYPE, pathOf, problemOf, sendProblem } from './problems.ts';
import { recoveryRoutes } from './recoveries.ts';
import { sessionRoutes } from './session.ts';
import { readCookies } from './session-cookie.ts';
import { storeRoutes } from './stores.ts';
import { strayRoutes } from './strays.ts';
import { traceRequests } from './tracing.ts';
import { trailRoutes } from './trail.ts';
import { volumeVerbRoutes } from './volume-verbs.ts';
import { volumeRoutes } from './volumes.ts';
import { createWaits } from './wait.ts';
import { webhookActionRoutes } from './webhook-actions.ts';
import { webhookRoutes } from './webhooks.ts';
import { protect } from '../web/headers.ts';
import { webPages } from '../web/pages.ts';

const ROUTES: readonly Routes[] = [
  overviewRoutes,
  jobRoutes,
  jobActionRoutes,
  deadLetterRoutes,
  trailRoutes,
  kindRoutes,
  volumeRoutes,
  volumeVerbRoutes,
  storeRoutes,
  strayRoutes,
  imageRoutes,
  containerRoutes,
  containerVerbRoutes,
  hostRoutes,
  hostVerbRoutes,
  recoveryRoutes,
  eventRoutes,
  webhookRoutes,
  webhookActionRoutes,
  deliveryRoutes,
  keyRoutes,
  sessionRoutes,
  auditRoutes,
  healthRoutes,
  metricRoutes,
  problemPageRoutes,
  openApiRoutes,
  webPages,
];

/** Time to send a whole request; answers may take as long as they need (waits, event streams). */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than any name of ours: a longer one is refused by its schema, with a reason. */
const MAX_PARAMETER_LENGTH = 1_000;

/**
 * The REST face, not yet listening. `close()` ends event streams and waits at once (a waiting caller gets its job as it is), then
 * lets requests under way end.
 */
export function createRestServer(parts: RestParts): FastifyInstance {
  const stopping = new AbortController();
  const app: RestApp = Fastify({
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    ...(parts.web.trustedProxies.length === 0 ? {} : { trustProxy: [...parts.web.trustedProxies] }),
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    // While the server closes, connections that are open are still served; the store is open until it has closed.
    return503OnClosing: false,
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, errorOfThrown(error), null),
    clientErrorHandler: refuseGarbage,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  readBodies(app);
  readCookies(app);
  app.addHook('onRequest', async (_request, reply) => protect(reply));
  endConnections(app, stopping);

  traceRequests(app, parts);
  logRequests(app, parts);
  collectOpenApi(app, parts);

  const routeParts = { ...parts, stopping: stopping.signal, waits: createWaits(parts.jobs, stopping.signal) };
  app.after(() => addRoutes(app, routeParts));
  return app;
}

/**
 * At closing, waits and streams end, and each connection goes with its last answer; otherwise idle ones would hold the server open. So
 * would those on which nothing was ever asked, which Node.js does not count as idle: browsers open them ahead of need.
 */
function endConnections(app: RestApp, stopping: AbortController): void {
  const unasked = new Set<Socket>();
  app.server.on('connection', (socket: Socket) => {
    unasked.add(socket);
    socket.once('close', () => unasked.delete(socket));
  });
  app.server.on('request', ({ socket }) => unasked.delete(socket));
  app.addHook('preClose', async () => {
    stopping.abort();
    for (const socket of unasked) if (socket.bytesRead === 0) socket.destroy();
  });
  app.addHook('onSend', async (_request, reply) => {
    if (stopping.signal.aborted) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async () => {
    if (stopping.signal.aborted) setImmediate(() => app.server.closeIdleConnections());
  });
}

function addRoutes(app: RestApp, parts: RouteParts): void {
  const methods = collectMethods(app);
  auditRequests(app, parts);
  authenticate(app, parts);
  for (const add of ROUTES) add(app, parts);
  const refuseRoute: Refuse = (thrown, request, reply) => {
    const allowed = methods(pathOf(request));
    const error = thrown === undefined || request.is404 ? noRoute(request, allowed) : errorOfThrown(thrown);
    if (error.code === 'method-not-allowed') reply.header('allow', allowed.join(', '));
    return sendProblem(reply, error, request.requestTrace);
  };
  app.setErrorHandler(refuseRoute);
  app.setNotFoundHandler((request, reply) => refuseRoute(undefined, request, reply));
}

type Refuse = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Also what is wrong with the body of such a request (Fastify reads it first) does not matter: there is nothing that would take it. */
function noRoute(request: FastifyRequest, allowed: readonly string[]): StowageError {
  const path = pathOf(request);
  if (allowed.length === 0 || allowed.includes(request.method))
    return new StowageError('route-unknown', `there is nothing at ${path}`);
  return new StowageError('method-not-allowed', `${request.method} is not for ${path}: ${allowed.join(', ')}`);
}

/** JSON only. An empty body is none, and curl's own type for `-d` counts as JSON (a key is asked for, so no form can be forged). */
function readBodies(app: RestApp): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/x-www-form-urlencoded'],
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') done(null);
      else void parseJson(request, String(body), done);
    },
  );
}

/** Which methods a path has, for requests that come with another. */
function collectMethods(app: RestApp): (path: string) => readonly string[] {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = new RegExp(`^${url.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+').replace('*', '.*')}$`);
    routes.push({ pattern, methods: [method].flat() });
  });
  return (path) => [...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))];
}

/** What is not HTTP at all has no request to answer; headers that are too large get their own status, as Node.js would give. */
function refuseGarbage(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = problemOf(new StowageError('body-malformed', 'this is not a request of HTTP/1.1'), {
    instance: '/',
    traceId: '',
  });
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
