import {
  type Context,
  isSpanContextValid,
  metrics,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Clock, RandomBytes } from '../platform/clock.ts';

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

export interface RequestTraces {
  /** A server span that continues an incoming `traceparent`. */
  begin(request: {
    readonly method: string;
    readonly path: string;
    readonly scheme: string;
    readonly traceparent: string | readonly string[] | undefined;
  }): RequestTrace;
  /** Ends the span and measures the request. `route` is the pattern that matched, which has no names of things in it. */
  end(
    requestTrace: RequestTrace,
    outcome: { readonly method: string; readonly route: string; readonly status: number },
  ): void;
}

/** @param face names the tracer: `stowage-rest`, `stowage-docker` */
export function createRequestTraces(
  face: string,
  parts: { readonly version: string; readonly clock: Clock; readonly randomBytes: RandomBytes },
): RequestTraces {
  const tracer = trace.getTracer(face, parts.version);
  // One meter for all faces: two with an instrument of one name would be two families of one name for Prometheus.
  const duration = metrics.getMeter('stowage-api', parts.version).createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP requests',
    advice: { explicitBucketBoundaries: [...DURATION_BOUNDS_S] },
  });
  return {
    begin({ method, path, scheme, traceparent }) {
      const parent = parentContext(traceparent);
      const attributes = { 'http.request.method': method, 'url.path': path, 'url.scheme': scheme };
      return traceOf(tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent), parent, parts);
    },
    end(requestTrace, { method, route, status }) {
      const attributes = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': status };
      duration.record((parts.clock.monotonicMs() - requestTrace.startedMs) / 1_000, attributes);
      requestTrace.span.setAttributes(attributes).updateName(`${method} ${route}`);
      if (status >= 500) requestTrace.span.setStatus({ code: SpanStatusCode.ERROR });
      requestTrace.span.end();
    },
  };
}

function parentContext(header: string | readonly string[] | undefined): Context {
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
