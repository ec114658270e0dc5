import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/job.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import { type Inhabitants, openInhabitants, planGateway } from '../harness/inhabitants.ts';
import type { WorkerProcess } from '../harness/system.ts';
import { machineNamed } from './lab-view.ts';

const OLD = 'o'.repeat(32);
const NEW = 'n'.repeat(32);

describe('a start waits for the guest', () => {
  let system: ImageSystem;
  let worker: WorkerProcess;
  let inside: Inhabitants | undefined;
  let plan: Awaited<ReturnType<typeof planGateway>>;
  const succeed = async (kind: string, payload: JsonObject): Promise<void> =>
    expect(await system.run(kind, payload)).toMatchObject({ state: 'succeeded' });
  beforeAll(async () => {
    plan = await planGateway(OLD);
    system = await startImageSystem({ workers: 0, env: { ...plan.env, STOWAGE_GUEST_WAIT: '5' } });
    worker = await system.startWorker();
    await system.pushSample('busybox');
    await succeed('image.pull', { reference: 'busybox' });
  });
  afterAll(async () => {
    await inside?.close();
    await system?.close();
  });

  it('and fails when none is heard in time, with the machine off', async () => {
    await succeed('container.create', { image: 'busybox', name: 'silent', command: ['sleep', '2d'] });
    const start = await system.run('container.start', { container: 'silent' });
    expect(start).toMatchObject({ state: 'dead', error: { code: 'guest-silent' } });
    expect(await machineNamed(system, 'silent')).toMatchObject({ power: 'poweredOff' });
    await succeed('container.remove', { container: 'silent' });
  });

  it('and believes it by the key that is the installation’s at the start', async () => {
    await worker.stop();
    worker = await system.startWorker({ env: { STOWAGE_GUEST_WAIT: '60' } });
    inside = await openInhabitants(system, plan.ports, OLD);
    await succeed('container.create', { image: 'busybox', name: 'kept', command: ['sleep', '2d'] });
    await succeed('container.start', { container: 'kept' });
    await succeed('container.stop', { container: 'kept' });
    await worker.stop();
    await inside.close();
    await system.startWorker({ env: { STOWAGE_GATEWAY_KEY: NEW, STOWAGE_GUEST_WAIT: '60' } });
    inside = await openInhabitants(system, plan.ports, NEW);
    await succeed('container.start', { container: 'kept' });
  });
});
