import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTelemetry, type Telemetry } from '../../platform/telemetry.ts';
import { idOf, type Rig, startRig } from './rig.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const spans = new InMemorySpanExporter();
let telemetry: Telemetry;
let rig: Rig;
beforeAll(async () => {
  telemetry = startTelemetry({ service: 'rest-test', env: {}, spanProcessors: [new SimpleSpanProcessor(spans)] });
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
  await telemetry.shutdown();
});

test('a request is a span of its caller’s trace, and its job goes on from that span', async () => {
  spans.reset();
  const { body } = await rig.call({
    method: 'POST',
    url: '/v1/jobs?wait=0',
    headers: { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` },
    payload: { kind: 'parcel.send', payload: { name: 'traced' } },
  });
  const [span] = spans.getFinishedSpans();
  expect(span).toMatchObject({
    name: 'POST /v1/jobs',
    kind: SpanKind.SERVER,
    parentSpanContext: { traceId: TRACE_ID, spanId: '00f067aa0ba902b7' },
    attributes: { 'http.route': '/v1/jobs', 'http.response.status_code': 202, 'url.path': '/v1/jobs' },
  });
  const job = await rig.store.jobs.read(idOf(body));
  expect(job?.traceparent).toBe(`00-${TRACE_ID}-${span?.spanContext().spanId}-01`);
});

test('the log carries the trace, and what a handler logs does too', async () => {
  const { headers } = await rig.call({ url: '/v1/jobs' });
  const line = rig
    .log()
    .split('\n')
    .find((each) => each.includes(String(headers['stowage-trace-id'])));
  expect(JSON.parse(line ?? '{}')).toMatchObject({ method: 'GET', path: '/v1/jobs', status: 200, actor: 'key:preset' });
});

test('a handler runs inside of its request’s span', async () => {
  const { submit } = rig.store.jobs;
  let seen: string | undefined;
  rig.store.jobs.submit = async (submission) => {
    seen = trace.getActiveSpan()?.spanContext().traceId;
    return await submit(submission);
  };
  const payload = { kind: 'parcel.send', payload: { name: 'inside' } };
  const { headers } = await rig.call({ method: 'POST', url: '/v1/jobs', payload });
  expect(seen).toBe(headers['stowage-trace-id']);
});

test('a request that Stowage failed to serve is an error in the trace', async () => {
  spans.reset();
  rig.store.jobs.read = () => Promise.reject(new TypeError('boom with a secret'));
  const answer = await rig.call({ url: '/v1/jobs/00000000000000000000000000' });
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal-error', title: 'Internal Server Error' } });
  expect(answer.text).not.toContain('boom');
  expect(spans.getFinishedSpans()[0]).toMatchObject({ status: { code: SpanStatusCode.ERROR } });
  expect(rig.log()).toContain('boom with a secret');
});
