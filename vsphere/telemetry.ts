import type { Span } from '@opentelemetry/api';
import { StowageError } from '../core/errors.ts';
import { createClientSpans } from '../platform/client-span.ts';

/** What was done, for the span's name and the metric's `rpc.method`. */
export interface CallFacts {
  readonly method: string;
  readonly server: string;
  readonly moref?: string;
}

const spans = createClientSpans({
  name: 'stowage.vsphere',
  metric: { name: 'stowage.vsphere.call.duration', description: 'Time from calling vCenter to its answer' },
  explain: (error) =>
    error instanceof StowageError
      ? { outcome: error.details.fault?.type ?? error.code, message: error.message }
      : { outcome: 'internal-error', message: 'internal-error' },
});

/** One client span and one measurement for each call to vCenter. */
export function traced<T>({ method, server, moref }: CallFacts, run: (span: Span) => Promise<T>): Promise<T> {
  const attributes = {
    'rpc.system': 'soap',
    'rpc.method': method,
    'server.address': server,
    ...(moref === undefined ? {} : { 'vsphere.moref': moref }),
  };
  const facts = moref === undefined ? {} : { object: moref };
  return spans({ span: `vsphere ${method}`, name: method, facts, attributes, labels: { 'rpc.method': method } }, run);
}
