import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSystem, type System, type WorkerProcess } from '../harness/system.ts';
import { eventually } from './lab-view.ts';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver, STATUS_ERROR } from './otlp-receiver.ts';

const CALLER_SPAN = '00f067aa0ba902b7';

describe('telemetry of a job, from submission to SOAP call', () => {
  let system: System;
  let receiver: OtlpReceiver;
  let worker: WorkerProcess;
  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    system = await startSystem({
      workers: 0,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '100',
        STOWAGE_LOG_LEVEL: 'trace',
      },
    });
    worker = await system.startWorker();
  });
  afterAll(async () => {
    await system.close();
    await receiver.close();
  });

  /** Runs a job as a caller with a trace of its own; resolves with the trace's spans once the job's last one is there. */
  async function traced(traceId: string, kind: string, payload: object): Promise<readonly ReceivedSpan[]> {
    const traceparent = `00-${traceId}-${CALLER_SPAN}-01`;
    const { id } = await system.submit(kind, payload, { actor: 'test', role: 'admin', traceparent });
    const job = await system.end(id);
    return eventually(`the spans of ${kind}`, async () => {
      const spans = receiver.spans.filter((span) => span.traceId === traceId);
      const jobs = spans.filter((span) => span.name === `job ${kind}`);
      return jobs.length === job.attempts.length ? spans : undefined;
    });
  }
  const named = (spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] =>
    spans.filter((span) => span.name === name);
  const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined): readonly string[] =>
    spans.filter((span) => span.parentSpanId === parent?.spanId).map((span) => span.name);

  it('the trail of a job has its calls to vCenter with the steps that made them', async () => {
    const job = await system.run('volume.create', { name: 'trailed_vol' });
    const trail = await eventually('the trail', async () => {
      const entries = await system.store.trails.read(job.id);
      return entries.some(({ name }) => name === 'QueryVirtualDiskUuid') ? entries : undefined;
    });
    const calls = trail.filter(({ type }) => type === 'call');
    expect(calls.map(({ step, name }) => `${step} ${name}`)).toContain('disk CreateVirtualDisk_Task');
    expect(calls.every(({ attempt, durationMs = -1 }) => attempt === 1 && durationMs >= 0)).toBe(true);
    expect(trail.map(({ name }) => name)).not.toContain('job succeeded');
    expect(JSON.stringify(trail)).not.toContain(system.env['VCENTER_PASSWORD']);
  });

  it('one trace: the caller, the job, its steps, their calls', async () => {
    const spans = await traced('4bf92f3577b34da6a3ce929d0e0e4736', 'volume.create', { name: 'traced_vol' });
    const [job] = named(spans, 'job volume.create');
    expect(job).toMatchObject({
      parentSpanId: CALLER_SPAN,
      attributes: { 'stowage.job.kind': 'volume.create', 'stowage.attempt': '1' },
    });
    expect(childrenOf(spans, job)).toEqual(['step reserve', 'step directory', 'step disk', 'step publish']);
    expect(childrenOf(spans, named(spans, 'step directory')[0])).toContain('vsphere MakeDirectory');
    expect(childrenOf(spans, named(spans, 'step directory')[0])).toContain('vsphere folder PUT');
    expect(childrenOf(spans, named(spans, 'step disk')[0])).toContain('vsphere CreateVirtualDisk_Task');
    expect(childrenOf(spans, named(spans, 'step publish')[0])).toContain('vsphere QueryVirtualDiskUuid');
    expect(spans.filter((span) => span.status.code === STATUS_ERROR)).toEqual([]);
  });

  it('a failed attempt, its step and its call are errors; the next attempt is in the same trace and is none', async () => {
    await system.lab('POST', '/faults', { method: 'CreateVirtualDisk_Task', fault: 'TaskInProgress', as: 'fault' });
    const spans = await traced('5bf92f3577b34da6a3ce929d0e0e4737', 'volume.create', { name: 'failed_once' });
    const attempts = named(spans, 'job volume.create');
    expect(attempts.map((span) => [span.attributes['stowage.attempt'], span.status.code === STATUS_ERROR])).toEqual([
      ['1', true],
      ['2', false],
    ]);
    expect(attempts.every((span) => span.parentSpanId === CALLER_SPAN)).toBe(true);
    expect(attempts[0]?.attributes['stowage.error.code']).toBe('vcenter-busy');
    const failed = spans.filter((span) => span.status.code === STATUS_ERROR).map((span) => span.name);
    expect(failed.toSorted()).toEqual(['job volume.create', 'step disk', 'vsphere CreateVirtualDisk_Task']);
  });

  it('a dead letter: its attempt is an error, and what is undone is in the trace', async () => {
    const options = { size: '2TB', diskformat: 'eagerzeroedthick' };
    const spans = await traced('6bf92f3577b34da6a3ce929d0e0e4738', 'volume.create', { name: 'too_big', options });
    const [job] = named(spans, 'job volume.create');
    expect(job?.status.code).toBe(STATUS_ERROR);
    expect(childrenOf(spans, job)).toEqual(expect.arrayContaining(['undo disk', 'undo directory', 'undo reserve']));
  });

  it('lines about a job carry its id and its trace', async () => {
    const log = await readFile(worker.logFile, 'utf8');
    const lines = log
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    const done = lines.filter((line) => line['msg'] === 'job succeeded' || line['msg'] === 'job dead');
    expect(done.length).toBeGreaterThanOrEqual(3);
    for (const line of done) {
      expect(line).toMatchObject({
        job: expect.stringMatching(/^[0-9a-z]{26}$/),
        kind: expect.any(String),
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
    }
    expect(done.map((line) => line['trace_id'])).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(lines.find((line) => line['msg'] === 'the attempt failed; another follows')).toMatchObject({
      trace_id: '5bf92f3577b34da6a3ce929d0e0e4737',
    });
  });

  it('no secret is in the logs or in what was exported, after a run with lost and refused sessions', async () => {
    await system.lab('POST', '/faults', { method: 'Login', fault: 'InvalidLogin', count: 1 });
    await system.lab('POST', '/sessions/drop');
    await eventually('the refusal in the log', async () =>
      (await readFile(worker.logFile, 'utf8')).includes('vcenter-login-refused'),
    );
    await worker.stop();
    const said = [await readFile(worker.logFile, 'utf8'), ...receiver.bodies].join('\n');
    expect(said.includes(system.vcenter.password)).toBe(false);
    expect(said.includes(system.redis.password)).toBe(false);
    expect(/vmware_soap_session="?[0-9a-f-]{8}/.test(said)).toBe(false);
  });
});
