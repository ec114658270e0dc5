import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTAINER_KEYS } from '../../core/container.ts';
import { type ContainerSystem, startContainerSystem } from '../harness/container-system.ts';
import { testFence } from '../harness/data-centre.ts';
import { eventually } from './lab-view.ts';

describe('reconcile of containers', () => {
  let system: ContainerSystem;
  beforeAll(async () => {
    system = await startContainerSystem({ workers: 1 });
  }, 240_000);
  afterAll(() => system.close());

  const mounts = (name: string) => ({
    mounts: [
      { volume: `vol-${name}`, destination: '/v', options: { Capacity: '8MiB' } },
      { volume: 'files', destination: '/f', options: { VolumeStore: 'nfs' } },
    ],
  });
  const make = (name: string) => system.makeContainer(name, mounts(name));
  const reconcile = () => system.succeed('reconcile.run', {});
  const settled = async (id: string) => {
    await eventually('no job at it', async () => {
      const { items } = await system.store.jobs.list({ resource: `container:${id}` as never }, { limit: 100 });
      return items.every(({ state }) => state !== 'waiting' && state !== 'running');
    });
    return system.record(id);
  };

  it('rebuilds every record when Redis was emptied', { timeout: 180_000 }, async () => {
    const created = await make('created');
    const running = await system.runContainer('running', {
      ...mounts('running'),
      labels: { team: 'harbour' },
      restart: { name: 'always', maxRetries: 0 },
    });
    const paused = await system.runContainer('paused', mounts('paused'));
    await system.succeed('container.pause', { container: 'paused' });
    const exited = await system.runContainer('exited', mounts('exited'));
    await system.succeed('container.stop', { container: 'exited' });
    await system.succeed('container.rename', { container: 'exited', name: 'gone-home' });
    const ids = [created, running, paused, exited];
    const before = await Promise.all(ids.map((id) => system.record(id)));
    const volumes = ['vol-created', 'vol-running', 'vol-paused', 'vol-exited'];
    const heldBefore = await Promise.all(volumes.map((name) => system.volume(name)));
    await system.flush();
    await Promise.all(ids.map((id) => system.until(id, 'to be rebuilt', () => true)));
    await reconcile();
    const after = await Promise.all(ids.map(settled));
    const body = (record: (typeof before)[number]) => {
      if (record === undefined) return undefined;
      const { updatedAt: _, job: __, machine, ...rest } = record;
      // Where it lies before its first start is nobody's concern.
      return { ...rest, machine: { ref: machine?.ref, uuid: machine?.uuid, vmxPath: machine?.vmxPath } };
    };
    expect(after.map(body)).toEqual(before.map(body));
    const heldAfter = await Promise.all(volumes.map((name) => system.volume(name)));
    expect(heldAfter.map((each) => [each?.state, each?.holders])).toEqual(
      heldBefore.map((each) => [each?.state, each?.holders]),
    );
    const names = (await system.store.records.list('container-name', { limit: 100 })).items.map(({ record }) => record);
    expect(names.map(({ name }) => name)).toEqual(['created', 'gone-home', 'paused', 'running']);
    await system.succeed('container.unpause', { container: 'paused' });
    await system.succeed('container.start', { container: 'gone-home' });
    await system.succeed('container.remove', { container: 'running', force: true });
    expect(await system.volume('vol-running')).toMatchObject({ state: 'available', holders: [] });
  });

  it('finds the end of a run that happened while Redis was empty', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('ended', mounts('ended'));
    const again = await system.runContainer('again', { restart: { name: 'always', maxRetries: 0 } });
    await system.flush();
    await system.endByItself('ended', 7);
    await system.endByItself('again', 7);
    const record = await system.until(id, 'to have exited', ({ state }) => state === 'exited');
    expect(record.run).toMatchObject({ exitCode: 7, wanted: 'stopped' });
    expect(await system.volume('vol-ended')).toMatchObject({ state: 'available', holders: [] });
    await system.until(again, 'to run again', ({ state, run }) => state === 'running' && run.restarts === 1);
  });

  it('flags what is no container’s, and deletes nothing', { timeout: 120_000 }, async () => {
    const id = await make('spoilt');
    await system.inVsphere('spoilt', ({ ref }, { dc }) =>
      dc.machines.reconfigure(
        {
          machine: ref,
          changeVersion: '',
          extraConfig: { [CONTAINER_KEYS.document]: 'torn', 'guestinfo.theirs': 'x' },
        },
        testFence(),
      ),
    );
    await system.flush();
    const strays = async () => {
      const { items } = await system.store.records.list('stray', { limit: 10 });
      return items.map(({ record }) => record).filter(({ store }) => store === '(containers)');
    };
    await eventually('a stray', async () => (await strays()).length === 1);
    await reconcile();
    await reconcile();
    expect(await strays()).toMatchObject([
      { name: expect.stringContaining(id), flag: { reason: expect.stringContaining('is no container') } },
    ]);
    expect(await system.machine('spoilt')).toBeDefined();
    expect(await system.record(id)).toBeUndefined();
  });

  it('what was missed by the watcher is found', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('missed');
    const found = await system.store.records.read('container', id);
    if (found === undefined) throw new Error('no record');
    // As if the watcher had not told.
    const record = { ...found.record, state: 'exited' as const };
    await system.store.records.observe([{ op: 'put', record, expectedRev: found.rev }], []);
    await reconcile();
    await system.until(id, 'to run', ({ state }) => state === 'running');
  });

  it('a name of no container is free again', async () => {
    const record = { type: 'container-name', name: 'left', container: 'ab'.repeat(32) } as never;
    await system.store.records.observe([{ op: 'put', record, expectedRev: 0 }], []);
    await reconcile();
    expect(await system.store.records.read('container-name', 'left')).toBeUndefined();
  });

  it('half made, and its job forgotten: it goes', { timeout: 120_000 }, async () => {
    const id = await make('half');
    const found = await system.store.records.read('container', id);
    if (found === undefined) throw new Error('no record');
    const { machine: _, ...rest } = found.record;
    const half = {
      ...rest,
      name: 'cd'.repeat(32),
      called: 'half-made',
      state: 'creating',
      spec: { ...rest.spec, mounts: [] },
    };
    const name = { type: 'container-name', name: 'half-made', container: half.name };
    await system.store.records.observe(
      [
        { op: 'put', record: half as never, expectedRev: 0 },
        { op: 'put', record: name as never, expectedRev: 0 },
      ],
      [],
    );
    await reconcile();
    expect(await system.record(half.name)).toBeUndefined();
    expect(await system.store.records.read('container-name', 'half-made')).toBeUndefined();
  });
});
