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
import { StowageError } from '../core/errors.ts';

// One client span and one measurement for each call to vCenter. Nothing of a request's content goes in.

const NAME = 'stowage.vsphere';

/** What was done, for the span's name and the metric's `rpc.method`. */
export interface CallFacts {
  readonly method: string;
  readonly server: string;
  readonly moref?: string;
}

function outcomeOf(error: unknown): string {
  if (!(error instanceof StowageError)) return 'internal-error';
  return error.details.fault?.type ?? error.code;
}

const histograms = new WeakMap<MeterProvider, Histogram>();

/** One for each provider: the one that is registered later is then used too. */
function histogram(): Histogram {
  const provider = metrics.getMeterProvider();
  const known = histograms.get(provider);
  if (known !== undefined) return known;
  const made = provider.getMeter(NAME).createHistogram('stowage.vsphere.call.duration', {
    unit: 's',
    description: 'Time from calling vCenter to its answer',
  });
  histograms.set(provider, made);
  return made;
}

function measure(facts: CallFacts, outcome: string, startedMs: number): void {
  histogram().record((performance.now() - startedMs) / 1_000, { 'rpc.method': facts.method, outcome });
}

export async function traced<T>(facts: CallFacts, run: (span: Span) => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const attributes: Attributes = {
    'rpc.system': 'soap',
    'rpc.method': facts.method,
    'server.address': facts.server,
    ...(facts.moref === undefined ? {} : { 'vsphere.moref': facts.moref }),
  };
  const span = trace.getTracer(NAME).startSpan(`vsphere ${facts.method}`, { kind: SpanKind.CLIENT, attributes });
  try {
    const result = await run(span);
    measure(facts, 'ok', startedMs);
    return result;
  } catch (error) {
    const outcome = outcomeOf(error);
    span.setAttribute('error.type', outcome);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : outcome });
    measure(facts, outcome, startedMs);
    throw error;
  } finally {
    span.end();
  }
}
