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

// One client span and one measurement for each request to a registry. No path, query, header or content goes in: any of them may
// hold a token.

const NAME = 'stowage.registry';

export type Purpose = 'manifest' | 'config' | 'blob' | 'tags' | 'search' | 'login' | 'token';

export interface RequestFacts {
  readonly purpose: Purpose;
  readonly method: string;
  readonly url: URL;
}

const histograms = new WeakMap<MeterProvider, Histogram>();

/** One for each provider: the one that is registered later is then used too. */
function histogram(): Histogram {
  const provider = metrics.getMeterProvider();
  const known = histograms.get(provider);
  if (known !== undefined) return known;
  const made = provider.getMeter(NAME).createHistogram('stowage.registry.request.duration', {
    unit: 's',
    description: 'Time from asking a registry to the head of its answer',
  });
  histograms.set(provider, made);
  return made;
}

function attributesOf({ method, url }: RequestFacts): Attributes {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { 'http.request.method': method, 'server.address': url.hostname, 'server.port': port };
}

export async function traced<T extends { readonly status: number }>(
  facts: RequestFacts,
  run: () => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  const measure = (outcome: string): void =>
    histogram().record((performance.now() - startedMs) / 1_000, { purpose: facts.purpose, outcome });
  const options = { kind: SpanKind.CLIENT, attributes: attributesOf(facts) };
  const span: Span = trace.getTracer(NAME).startSpan(`registry ${facts.purpose}`, options);
  try {
    const result = await run();
    span.setAttribute('http.response.status_code', result.status);
    measure(String(result.status));
    return result;
  } catch (error) {
    const outcome = error instanceof StowageError ? error.code : 'internal-error';
    span.setAttribute('error.type', outcome);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof StowageError ? error.message : outcome });
    measure(outcome);
    throw error;
  } finally {
    span.end();
  }
}
