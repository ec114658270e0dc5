import {
  type Context,
  context,
  isSpanContextValid,
  metrics,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import type { Clock, RandomBytes } from '../../platform/clock.ts';
import type { RestApp, RestParts } from './parts.ts';
import { pathOf } from './problems.ts';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** As OpenTelemetry's conventions have them, and the waits. */
const DURATION_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** A request's place in its trace. Without a tracer there is one all the same: logs, problems and jobs carry its ids. */
export interface RequestTrace {
  readonly traceId: string;
  /** W3C trace context for what the request causes. */
  readonly traceparent: string;
  readonly span: Span;
  readonly context: Context;
  readonly startedMs: number;
}

declare module 'fastify' {
  interface FastifyRequest {
    requestTrace: RequestTrace | null;
  }
}

/** Makes each request a server span that continues an incoming `traceparent`, and measures it. */
export function traceRequests(app: RestApp, parts: RestParts): void {
  const tracer = trace.getTracer('stowage-rest', parts.version);
  const duration = metrics.getMeter('stowage-rest', parts.version).createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP requests',
    advice: { explicitBucketBoundaries: [...DURATION_BOUNDS_S] },
  });
  app.decorateRequest('requestTrace', null);

  app.addHook('onRequest', (request, reply, done) => {
    const parent = parentContext(request.headers['traceparent']);
    const span = tracer.startSpan(
      request.method,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': request.method,
          'url.path': pathOf(request),
          'url.scheme': request.protocol,
        },
      },
      parent,
    );
    const requestTrace = traceOf(span, parent, parts);
    request.requestTrace = requestTrace;
    reply.header('stowage-trace-id', requestTrace.traceId);
    context.with(requestTrace.context, done);
  });

  // The body arrives in the socket's own asynchronous context, so the handler's is set again here.
  app.addHook('preHandler', (request, _reply, done) => {
    context.with(request.requestTrace?.context ?? ROOT_CONTEXT, done);
  });

  app.addHook('onResponse', async (request, reply) => {
    const { requestTrace } = request;
    if (requestTrace === null) return;
    const route = routeOf(request);
    const attributes = {
      'http.request.method': request.method,
      'http.route': route,
      'http.response.status_code': reply.statusCode,
    };
    duration.record((parts.clock.monotonicMs() - requestTrace.startedMs) / 1_000, attributes);
    requestTrace.span.setAttributes(attributes).updateName(`${request.method} ${route}`);
    if (reply.statusCode >= 500) requestTrace.span.setStatus({ code: SpanStatusCode.ERROR });
    requestTrace.span.end();
  });
}

/** The pattern that matched, which has no names of things in it. */
export function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown';
}

function parentContext(header: string | string[] | undefined): Context {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  const [, traceId = '', spanId = '', flags = '00'] = match ?? [];
  const parent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

function traceOf(
  span: Span,
  parent: Context,
  { clock, randomBytes }: { readonly clock: Clock; readonly randomBytes: RandomBytes },
): RequestTrace {
  const given = span.spanContext();
  const spanContext = isSpanContextValid(given)
    ? given
    : { traceId: hex(randomBytes(16)), spanId: hex(randomBytes(8)), traceFlags: 0 };
  const { traceId, spanId, traceFlags } = spanContext;
  return {
    traceId,
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    span,
    context: isSpanContextValid(given) ? trace.setSpan(parent, span) : trace.setSpanContext(parent, spanContext),
    startedMs: clock.monotonicMs(),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
