import {
  type Attributes,
  context,
  type Context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { asStowageError } from '../core/errors.ts';

const TRACER = 'stowage.workers';

/** Runs `work` in a span that is a child of the active one, or of `parent`; a rejection marks the span as an error. */
export async function inSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<T>,
  options: { readonly parent?: Context; readonly kind?: SpanKind } = {},
): Promise<T> {
  const parent = options.parent ?? context.active();
  const span = trace.getTracer(TRACER).startSpan(name, { attributes, kind: options.kind ?? SpanKind.INTERNAL }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

export function markFailed(span: Span, thrown: unknown): void {
  const error = asStowageError(thrown);
  span.setAttribute('stowage.error.code', error.code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

/** The context that a submission's `traceparent` names, so that its job is part of the same trace. */
export function contextOfTrace(traceparent: string | undefined): Context {
  return traceparent === undefined ? context.active() : propagation.extract(context.active(), { traceparent });
}
