import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/job.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { type Inhabitants, openInhabitants, planGateway } from '../harness/inhabitants.ts';

const OLD = 'o'.repeat(32);
const NEW = 'n'.repeat(32);

describe('a new gateway key', () => {
  let system: ImageSystem;
  let inside: Inhabitants | undefined;
  let plan: Awaited<ReturnType<typeof planGateway>>;
  beforeAll(async () => {
    plan = await planGateway(OLD);
    system = await startImageSystem({ workers: 0, env: plan.env });
  });
  afterAll(async () => {
    await inside?.close();
    await system?.close();
  });

  it('is that of a container from its next start on', async () => {
    const succeed = async (kind: string, payload: JsonObject): Promise<void> =>
      expect(await system.run(kind, payload)).toMatchObject({ state: 'succeeded' });
    const worker = await system.startWorker();
    inside = await openInhabitants(system, plan.ports, OLD);
    await system.pushSample('busybox');
    await succeed('image.pull', { reference: 'busybox' });
    await succeed('container.create', { image: 'busybox', name: 'kept', command: ['sleep', '2d'] });
    await succeed('container.start', { container: 'kept' });
    await succeed('container.stop', { container: 'kept' });
    await worker.stop();
    await inside.close();
    await system.startWorker({ env: { STOWAGE_GATEWAY_KEY: NEW } });
    inside = await openInhabitants(system, plan.ports, NEW);
    // It succeeds when the guest was believed, and said that the process runs.
    await succeed('container.start', { container: 'kept' });
  });
});
