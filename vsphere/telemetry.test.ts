import { context, metrics, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../core/errors.ts';
import { traced } from './telemetry.ts';

const spans = new InMemorySpanExporter();
const measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: measured, exportIntervalMillis: 3_600_000 });
const meters = new MeterProvider({ readers: [reader] });
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });

beforeAll(() => {
  trace.setGlobalTracerProvider(tracers);
  metrics.setGlobalMeterProvider(meters);
});
afterAll(async () => {
  trace.disable();
  metrics.disable();
  context.disable();
  await meters.shutdown();
});

const facts = {
  method: 'CreateVirtualDisk_Task',
  server: 'vcenter.test',
  moref: 'VirtualDiskManager:virtualDiskManager',
};

test('a call is a client span, with what was called where', async () => {
  await traced(facts, async (span) => span.setAttribute('vsphere.task', 'Task:task-1'));
  const span = spans.getFinishedSpans().at(-1);
  expect(span).toMatchObject({ name: 'vsphere CreateVirtualDisk_Task', kind: 2, status: { code: 0 } });
  expect(span?.attributes).toMatchObject({
    'rpc.system': 'soap',
    'rpc.method': 'CreateVirtualDisk_Task',
    'server.address': 'vcenter.test',
    'vsphere.moref': 'VirtualDiskManager:virtualDiskManager',
    'vsphere.task': 'Task:task-1',
  });
});

test('a call that fails is an error span of its fault type, and is counted as that', async () => {
  const error = new StowageError('file-locked', 'locked', { fault: { type: 'FileLocked', message: '' } });
  await expect(traced(facts, () => Promise.reject(error))).rejects.toBe(error);
  const span = spans.getFinishedSpans().at(-1);
  expect(span).toMatchObject({ status: { code: 2, message: 'locked' } });
  expect(span?.attributes['error.type']).toBe('FileLocked');
  await reader.forceFlush();
  const metric = measured.getMetrics().at(-1)?.scopeMetrics[0]?.metrics[0];
  expect(metric?.descriptor).toMatchObject({ name: 'stowage.vsphere.call.duration', unit: 's' });
  const outcomes = metric?.dataPoints.map((point) => point.attributes['outcome']);
  expect(outcomes).toEqual(expect.arrayContaining(['ok', 'FileLocked']));
});
