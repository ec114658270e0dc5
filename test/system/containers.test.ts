import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import { type ImageSystem, startImageSystem } from '../harness/image-system.ts';
import type { LabDisk } from './lab-view.ts';

interface LabVm {
  readonly name: string;
  readonly power: string;
}

describe('a container', () => {
  let system: ImageSystem;
  beforeAll(async () => {
    system = await startImageSystem();
    await system.pushSample('busybox');
    await succeed('image.pull', { reference: 'busybox' });
  }, 120_000);
  afterAll(() => system.close());

  async function succeed(kind: string, payload: Parameters<ImageSystem['run']>[1]) {
    const job = await system.run(kind, payload);
    expect(job).toMatchObject({ state: 'succeeded' });
    return job.result ?? {};
  }
  const record = async (id: unknown): Promise<ContainerRecord | undefined> =>
    (await system.store.records.read('container', String(id)))?.record;
  const vm = async (name: string): Promise<LabVm | undefined> =>
    ((await system.lab('GET', '/vms')) as readonly LabVm[]).find((each) => each.name === name);
  const disk = async (name: string): Promise<LabDisk | undefined> =>
    ((await system.lab('GET', '/disks')) as readonly LabDisk[]).find((each) => each.path.endsWith(`/${name}.vmdk`));

  it('is made, runs with its volumes, stops without them, and goes without theirs', async () => {
    const { id, name } = await succeed('container.create', {
      image: 'busybox',
      name: 'demo',
      command: ['sleep', '2d'],
      mounts: [
        { volume: 'demo_vol', destination: '/vol' },
        { volume: 'shared', destination: '/nfs', options: { VolumeStore: 'nfs' } },
        { destination: '/anon' },
      ],
    });
    expect(name).toBe('demo');
    expect(await record(id)).toMatchObject({ state: 'created', called: 'demo', run: { wanted: 'stopped' } });
    expect(await vm('demo')).toMatchObject({ name: 'demo' });
    await succeed('container.start', { container: 'demo' });
    expect(await record(id)).toMatchObject({ state: 'running', run: { wanted: 'running' } });
    expect((await system.volume('demo_vol'))?.holders).toMatchObject([{ machineName: 'demo' }]);
    expect(await succeed('container.start', { container: 'demo' })).toMatchObject({ started: false });
    await succeed('container.pause', { container: 'demo' });
    expect(await record(id)).toMatchObject({ state: 'paused' });
    await succeed('container.unpause', { container: 'demo' });
    await succeed('container.restart', { container: 'demo' });
    await succeed('container.rename', { container: 'demo', name: 'other' });
    expect(await vm('other')).toBeDefined();
    await succeed('container.update', { container: 'other', restart: { name: 'always' } });
    await succeed('container.rename', { container: 'other', name: 'demo' });
    await succeed('container.stop', { container: 'demo' });
    await succeed('container.update', { container: 'demo', memoryBytes: 100_000_000 });
    expect(await record(id)).toMatchObject({ state: 'exited', run: { wanted: 'stopped', exitCode: 137 } });
    expect((await system.volume('demo_vol'))?.holders).toEqual([]);
    await succeed('container.remove', { container: 'demo', anonymous: true });
    expect(await record(id)).toBeUndefined();
    expect(await vm('demo')).toBeUndefined();
    expect(await disk('demo_vol')).toBeDefined();
  });

  it('takes nothing with it that is not its own, whatever it is named', async () => {
    const layers = async (): Promise<number> =>
      ((await system.lab('GET', '/disks')) as readonly LabDisk[]).filter(({ path }) => path.includes('/layers/'))
        .length;
    const before = await layers();
    await succeed('container.create', {
      image: 'busybox',
      name: 'two',
      mounts: [{ volume: 'scratch', destination: '/s' }],
    });
    await succeed('container.start', { container: 'two' });
    await succeed('container.remove', { container: 'two', force: true, anonymous: true });
    expect(await vm('two')).toBeUndefined();
    const disks = ((await system.lab('GET', '/disks')) as readonly LabDisk[]).filter(({ path }) =>
      path.endsWith('/scratch.vmdk'),
    );
    expect(disks.map(({ path }) => path)).toEqual(['[shared-1] stowage/volumes/scratch/scratch.vmdk']);
    expect(await layers()).toBe(before);
  });
});
