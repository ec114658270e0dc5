import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import { createRequestTraces, type RequestTrace } from '../request-trace.ts';
import type { RestApp, RestParts } from './parts.ts';
import { pathOf } from './problems.ts';

declare module 'fastify' {
  interface FastifyRequest {
    requestTrace: RequestTrace | null;
  }
}

/** Makes each request a server span that continues an incoming `traceparent`, and measures it. */
export function traceRequests(app: RestApp, parts: RestParts): void {
  const traces = createRequestTraces('stowage-rest', parts);
  app.decorateRequest('requestTrace', null);

  app.addHook('onRequest', (request, reply, done) => {
    const requestTrace = traces.begin({
      method: request.method,
      path: pathOf(request),
      scheme: request.protocol,
      traceparent: request.headers['traceparent'],
    });
    request.requestTrace = requestTrace;
    reply.header('stowage-trace-id', requestTrace.traceId);
    context.with(requestTrace.context, done);
  });

  // The body arrives in the socket's own asynchronous context, so the handler's is set again here.
  app.addHook('preHandler', (request, _reply, done) => {
    context.with(request.requestTrace?.context ?? ROOT_CONTEXT, done);
  });

  app.addHook('onResponse', async (request, reply) => {
    const { requestTrace, method } = request;
    if (requestTrace !== null) traces.end(requestTrace, { method, route: routeOf(request), status: reply.statusCode });
  });
}

/** The pattern that matched, which has no names of things in it. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown';
}
