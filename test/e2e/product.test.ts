import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Product, startProduct } from '../harness/product.ts';
import { eventually } from '../system/lab-view.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../system/otlp-receiver.ts';

interface JobView {
  readonly id: string;
  readonly state: string;
  readonly steps: readonly {
    readonly name: string;
    readonly state: string;
    readonly tasks: readonly { readonly ref: string }[];
  }[];
}

describe('the product, as npm start runs it', () => {
  let scratch: string;
  let receiver: OtlpReceiver;
  let first: Product;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'stowage-e2e-'));
    receiver = await startOtlpReceiver();
    first = await startProduct(join(scratch, 'first'), {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    });
  });
  afterAll(async () => {
    await first.stop();
    await receiver.close();
    await rm(scratch, { recursive: true, force: true });
  });

  it('the walkthrough of the README: 202 and Location, the job with its Tasks, the volume', async () => {
    const payload = { name: 'demo_vol', options: { Capacity: '10GB' } };
    const accepted = await first.call('POST', '/v1/jobs', { kind: 'volume.create', payload });
    expect(accepted.status).toBe(202);
    const location = accepted.headers.get('location') ?? '';
    const job = (await first.call('GET', `${location}?wait=30`)).body as JobView;
    expect(job.state).toBe('succeeded');
    expect(job.steps.flatMap((step) => step.tasks.map((task) => task.ref))).toEqual([
      expect.stringMatching(/^Task:task-\d+$/),
    ]);
    expect((await first.call('GET', '/v1/volumes')).body).toMatchObject({
      items: [{ name: 'demo_vol', capacity: '10 GB', store: 'default', state: 'available' }],
    });
  });

  it('the same Idempotency-Key is the same job; another payload under it is 422', async () => {
    const headers = { 'idempotency-key': 'walkthrough-1' };
    const submit = (name: string): ReturnType<Product['call']> =>
      first.call('POST', '/v1/jobs?wait=30', { kind: 'volume.create', payload: { name } }, headers);
    const once = (await submit('keyed_vol')).body as JobView;
    expect((await submit('keyed_vol')).body).toMatchObject({ id: once.id });
    expect(await submit('other_vol')).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  it('an attached volume is shown with its holder, and is not removed', async () => {
    const attached = await first.call('POST', '/v1/volumes/demo_vol/attach?wait=30', { machine: 'lab-vm-1' });
    expect(attached).toMatchObject({ status: 200, body: { state: 'succeeded' } });
    expect((await first.call('GET', '/v1/volumes/demo_vol')).body).toMatchObject({
      state: 'in-use',
      holders: [{ machineName: 'lab-vm-1' }],
    });
    const removed = await first.call('DELETE', '/v1/volumes/demo_vol?wait=30');
    expect(removed.body).toMatchObject({
      state: 'dead',
      error: { code: 'volume-in-use', holder: expect.stringContaining('lab-vm-1') as string },
    });
    expect((await first.call('POST', '/v1/volumes/demo_vol/detach?wait=30', {})).body).toMatchObject({
      state: 'succeeded',
    });
  });

  it('one trace leads from the HTTP request to the SOAP call', async () => {
    const traceId = 'aaaabbbbccccddddeeeeffff00001111';
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await first.call('POST', '/v1/jobs?wait=30', { kind: 'volume.create', payload: { name: 'traced_vol' } }, headers);
    const spans = await eventually('the whole trace', () => {
      const own = receiver.spans.filter((span) => span.traceId === traceId);
      return Promise.resolve(
        own.some((span) => span.name === 'job volume.create') && own.some((span) => span.name.includes('/v1/jobs'))
          ? own
          : undefined,
      );
    });
    const job = spans.find((span) => span.name === 'job volume.create');
    const request = spans.find((span) => span.spanId === job?.parentSpanId);
    expect(request?.parentSpanId).toBe('00f067aa0ba902b7');
    const disk = spans.find((span) => span.name === 'step disk');
    expect(disk?.parentSpanId).toBe(job?.spanId);
    expect(spans.find((span) => span.name === 'vsphere CreateVirtualDisk_Task')?.parentSpanId).toBe(disk?.spanId);
  });

  it('hosts, readiness and metrics speak of the running system', async () => {
    expect((await first.call('GET', '/v1/hosts')).body).toMatchObject({ items: [{ connection: 'connected' }, {}, {}] });
    await expect.poll(async () => (await first.call('GET', '/readyz')).body).toMatchObject({ status: 'ready' });
    expect((await first.call('GET', '/metrics')).body).toMatch(
      /stowage_jobs_ended_total\{[^}]*kind="volume.create"[^}]*outcome="succeeded"[^}]*\} [1-9]/,
    );
  });

  it('a second copy runs beside it with a key of its own, and what the first kept is there after a restart', async () => {
    const second = await startProduct(join(scratch, 'second'), { STOWAGE_API_KEY: 'a-key-that-was-preset' });
    expect((await second.call('GET', '/v1/volumes')).body).toEqual({ items: [] });
    expect(await second.stop()).toBe(0);
    expect(await first.stop()).toBe(0);
    first = await startProduct(join(scratch, 'first'));
    const volume = (await first.call('GET', '/v1/volumes/demo_vol')).body;
    expect(volume).toMatchObject({ state: 'available', capacityBytes: 10_000_000_000 });
    const removed = await first.call('DELETE', '/v1/volumes/demo_vol?wait=30');
    expect(removed.body).toMatchObject({ state: 'succeeded' });
  }, 300_000);
});
