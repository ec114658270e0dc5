import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// A collector, as far as tests need one: takes OTLP/HTTP in JSON and keeps the spans.
// Source: opentelemetry.io/docs/specs/otlp, opentelemetry/proto/trace/v1/trace.proto in its JSON mapping.

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, string>>;
}

/** `STATUS_CODE_ERROR`. */
export const STATUS_ERROR = 2;

interface RawSpan extends Omit<ReceivedSpan, 'attributes'> {
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}
interface RawRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans?: readonly { readonly spans?: readonly RawSpan[] }[] }[];
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Everything that came, as text. */
  readonly bodies: readonly string[];
  close(): Promise<void>;
}

function spansOf(body: string): readonly ReceivedSpan[] {
  const { resourceSpans = [] } = JSON.parse(body) as RawRequest;
  const raw = resourceSpans.flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans = [] }) => spans));
  return raw.map((span) => ({
    ...span,
    attributes: Object.fromEntries(
      (span.attributes ?? []).map(({ key, value }) => [key, String(Object.values(value)[0])]),
    ),
  }));
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      bodies.push(body);
      if (request.url?.endsWith('/v1/traces') === true) spans.push(...spansOf(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
