import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  type IMetricReader,
  type MetricData,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { NodeSDK, type NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { NoopSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';

export interface TelemetrySettings {
  /** `api`, `gateway` or `workers`; `OTEL_SERVICE_NAME` has precedence over `stowage-<service>`. */
  readonly service: string;
  readonly version?: string;
  /** Read for the `OTEL_…` variables. The SDK reads those of the process itself, so pass that environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receive the spans in place of whatever the environment names. */
  readonly spanProcessors?: readonly SpanProcessor[];
}

export interface Telemetry {
  /** All metrics in the Prometheus text format; empty where `OTEL_SDK_DISABLED` is set. */
  metricsText(): Promise<string>;
  /** Sends what is pending, then stops. Never rejects. */
  shutdown(): Promise<void>;
}

/** So long a collector that does not answer may hold up the end of the process. */
const FLUSH_MS = 2_000;

/**
 * Registers the global tracer and meter providers and (unless `OTEL_PROPAGATORS` says otherwise) W3C propagation. Spans and metrics leave the process by OTLP only where
 * an `OTEL_EXPORTER_OTLP_…` variable (or `OTEL_TRACES_EXPORTER`) asks for it; metrics can always be read as text.
 */
export function startTelemetry(settings: TelemetrySettings): Telemetry {
  const { env, service } = settings;
  const prometheus = new PrometheusExporter({ preventServerStart: true });
  const isDisabled = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true';
  const sdk = new NodeSDK({
    serviceName: env['OTEL_SERVICE_NAME'] || `stowage-${service}`,
    resource: resourceFromAttributes({
      [ATTR_SERVICE_VERSION]: settings.version ?? '0.0.0',
      'service.instance.id': `${hostname()}:${process.pid}`,
    }),
    autoDetectResources: false,
    metricReaders: [prometheus, ...otlpMetricReaders(env)],
    logRecordProcessors: [],
    instrumentations: [],
    ...spanConfiguration(settings),
  });
  sdk.start();
  return {
    metricsText: async () => {
      if (isDisabled) return '';
      const { resourceMetrics } = await prometheus.collect();
      return new PrometheusSerializer().serialize(withUnitsInNames(resourceMetrics));
    },
    shutdown: async () => {
      // A collector that does not answer must not turn a clean exit into a failed one.
      const sent = sdk.shutdown().catch((error: unknown) => diag.warn('telemetry was not all sent', error));
      await Promise.race([sent, delay(FLUSH_MS, undefined, { ref: false })]);
    },
  };
}

/** As Prometheus and the collector's exporter name them: one query fits both. */
function withUnitsInNames({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  const named = (metric: MetricData): MetricData =>
    metric.descriptor.unit === 's' && !metric.descriptor.name.endsWith('seconds')
      ? { ...metric, descriptor: { ...metric.descriptor, name: `${metric.descriptor.name}.seconds` } }
      : metric;
  return {
    resource,
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(named) })),
  };
}

function spanConfiguration({ env, spanProcessors }: TelemetrySettings): Partial<NodeSDKConfiguration> {
  if (spanProcessors !== undefined) return { spanProcessors: [...spanProcessors] };
  if (env['OTEL_TRACES_EXPORTER'] || wantsOtlp(env, 'TRACES')) return {};
  // Spans that go nowhere still give logs and `traceparent` their ids.
  return { spanProcessors: [new NoopSpanProcessor()] };
}

function otlpMetricReaders(env: TelemetrySettings['env']): IMetricReader[] {
  if (!wantsOtlp(env, 'METRICS') || env['OTEL_METRICS_EXPORTER'] === 'none') return [];
  const protocol = env['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  const exporter = protocol === 'http/json' ? new JsonMetricExporter() : new ProtobufMetricExporter();
  const intervalMs = Number(env['OTEL_METRIC_EXPORT_INTERVAL'] || 60_000);
  return [
    new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: intervalMs,
      exportTimeoutMillis: Math.min(30_000, intervalMs),
    }),
  ];
}

/** Variables of the other signal alone, e.g. an endpoint for metrics only, do not switch this one on. */
function wantsOtlp(env: TelemetrySettings['env'], signal: 'TRACES' | 'METRICS'): boolean {
  const otherSignals = ['TRACES', 'METRICS', 'LOGS'].filter((each) => each !== signal);
  return Object.keys(env).some((name) => {
    if (!name.startsWith('OTEL_EXPORTER_OTLP_') || !env[name]) return false;
    return !otherSignals.some((other) => name.startsWith(`OTEL_EXPORTER_OTLP_${other}_`));
  });
}
