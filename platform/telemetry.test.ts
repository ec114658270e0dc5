import { once } from 'node:events';
import { createServer } from 'node:http';
import { metrics, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { startTelemetry } from './telemetry.ts';

afterEach(() => {
  trace.disable();
  metrics.disable();
  vi.unstubAllEnvs();
});

describe('telemetry', () => {
  test('metrics can be read as text, and spans have ids, without any collector', async () => {
    const telemetry = startTelemetry({ service: 'api', env: {} });
    metrics.getMeter('test').createCounter('stowage_test').add(2, { kind: 'a' });
    const text = await telemetry.metricsText();
    expect(text).toContain('service_name="stowage-api"');
    expect(text).toMatch(/^stowage_test_total\{kind="a".*\} 2$/m);
    metrics.getMeter('test').createHistogram('stowage.test.duration', { unit: 's' }).record(1);
    expect(await telemetry.metricsText()).toMatch(/^stowage_test_duration_seconds_count\{.*\} 1$/m);
    const span = trace.getTracer('test').startSpan('s');
    expect(span.spanContext().traceId).not.toMatch(/^0+$/);
    span.end();
    await telemetry.shutdown();
  });

  test('a collector that the standard variables name receives spans and metrics as JSON', async () => {
    const received: Record<string, unknown> = {};
    const collector = createServer((request, response) => {
      let body = '';
      request.on('data', (data) => {
        body += data;
      });
      request.on('end', () => {
        received[request.url ?? ''] = JSON.parse(body);
        response.end('{}');
      });
    }).listen(0, '127.0.0.1');
    await once(collector, 'listening');
    const address = collector.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`);
    vi.stubEnv('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
    const telemetry = startTelemetry({ service: 'workers', env: process.env });
    metrics.getMeter('test').createCounter('stowage_exported').add(1);
    trace.getTracer('test').startSpan('exported').end();
    await telemetry.shutdown();
    collector.closeAllConnections();
    collector.close();
    expect(JSON.stringify(received['/v1/traces'])).toContain('"exported"');
    expect(JSON.stringify(received['/v1/metrics'])).toContain('stowage_exported');
  });
});
