import {
  type Attributes,
  type Histogram,
  type MeterProvider,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { currentWitness } from './witness.ts';

/** The SDK's own are meant for milliseconds: every call would fall into the first one. */
const DURATION_BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** How calls to one kind of server are told to OpenTelemetry. Nothing of a request's content goes in. */
export interface ClientTelemetry {
  /** Of the tracer and the meter. */
  readonly name: string;
  /** Of the histogram of durations, in seconds. */
  readonly metric: { readonly name: string; readonly description: string };
  /** What may be told of an error. */
  readonly explain: (error: unknown) => { readonly outcome: string; readonly message: string };
}

export interface ClientCall {
  readonly span: string;
  /** For who looks at a job: the method, say; default: the span's name. */
  readonly name?: string;
  /** For them, too: what it was done to. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  readonly attributes: Attributes;
  /** Of the measurement, beside `outcome`. */
  readonly labels: Attributes;
}

/** `succeed` names another outcome than `ok`. */
export type ClientRun<T> = (span: Span, succeed: (outcome: string) => void) => Promise<T>;

/** One client span and one measurement for each call. */
export function createClientSpans(telemetry: ClientTelemetry): <T>(call: ClientCall, run: ClientRun<T>) => Promise<T> {
  const histograms = new WeakMap<MeterProvider, Histogram>();
  /** One for each provider: the one that is registered later is then used too. */
  const histogram = (): Histogram => {
    const provider = metrics.getMeterProvider();
    const known = histograms.get(provider);
    if (known !== undefined) return known;
    const { name, description } = telemetry.metric;
    const made = provider.getMeter(telemetry.name).createHistogram(name, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: [...DURATION_BOUNDS_S] },
    });
    histograms.set(provider, made);
    return made;
  };
  return async (call, run) => {
    const startedMs = performance.now();
    const measure = (outcome: string): void => {
      const durationMs = performance.now() - startedMs;
      histogram().record(durationMs / 1_000, { ...call.labels, outcome });
      currentWitness()?.call({ name: call.name ?? call.span, durationMs, outcome, facts: call.facts ?? {} });
    };
    const options = { kind: SpanKind.CLIENT, attributes: call.attributes };
    const span = trace.getTracer(telemetry.name).startSpan(call.span, options);
    let succeeded = 'ok';
    try {
      const result = await run(span, (outcome) => (succeeded = outcome));
      measure(succeeded);
      return result;
    } catch (error) {
      const { outcome, message } = telemetry.explain(error);
      span.setAttribute('error.type', outcome);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      measure(outcome);
      throw error;
    } finally {
      span.end();
    }
  };
}
