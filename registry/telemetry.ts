import { StowageError } from '../core/errors.ts';
import { createClientSpans } from '../platform/client-span.ts';

// No path, query, header or content of a request goes in: any of them may hold a token.

export type Purpose = 'manifest' | 'config' | 'blob' | 'tags' | 'search' | 'login' | 'token';

export interface RequestFacts {
  readonly purpose: Purpose;
  readonly method: string;
  readonly url: URL;
}

const spans = createClientSpans({
  name: 'stowage.registry',
  metric: {
    name: 'stowage.registry.request.duration',
    description: 'Time from asking a registry to the head of its answer',
  },
  explain: (error) =>
    error instanceof StowageError
      ? { outcome: error.code, message: error.message }
      : { outcome: 'internal-error', message: 'internal-error' },
});

/** One client span and one measurement for each request to a registry. */
export function traced<T extends { readonly status: number }>(
  { purpose, method, url }: RequestFacts,
  run: () => Promise<T>,
): Promise<T> {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  const attributes = { 'http.request.method': method, 'server.address': url.hostname, 'server.port': port };
  const facts = { method, server: url.hostname };
  return spans({ span: `registry ${purpose}`, facts, attributes, labels: { purpose } }, async (span, succeed) => {
    const result = await run();
    span.setAttribute('http.response.status_code', result.status);
    succeed(String(result.status));
    return result;
  });
}
