import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerRecord } from '../../core/container.ts';
import type { Moref } from '../../core/ids.ts';
import { type ContainerSystem, startContainerSystem } from '../harness/container-system.ts';
import { testFence } from '../harness/data-centre.ts';
import { startFairClock } from '../harness/fair-clock.ts';

// What people do to containers' machines in the vSphere client, and what becomes of processes that end by themselves.

const FOLLOWS_MS = 2_000;
/** vCenter tells nobody of a machine that came and went between two of its answers: that is for a reconcile to find. */
const untilTold = (): Promise<void> => sleep(1_000);
const SIZE = { Capacity: '8MiB' };

describe('a container whose machine is changed in vSphere', () => {
  let system: ContainerSystem;
  beforeAll(async () => {
    system = await startContainerSystem({ workers: 2 });
    // The watch begins with the folder, which the first container makes.
    await system.runContainer('first');
    await system.lab('POST', '/vms/first/power', { on: false });
    await system.until((await idOf('first')) ?? '', 'exited', ({ state }) => state === 'exited');
  }, 240_000);
  afterAll(() => system.close());

  const idOf = async (name: string): Promise<string | undefined> =>
    (await system.store.records.read('container-name', name))?.record.container;
  const withVolume = (name: string) => ({ mounts: [{ volume: `vol-${name}`, destination: '/v', options: SIZE }] });
  const turn = (name: string, on: boolean) => () => system.lab('POST', `/vms/${name}/power`, { on });
  /** It happens in vSphere, and the record shows it in time. */
  async function follows(
    id: string,
    happens: () => Promise<unknown>,
    look: (record: ContainerRecord) => unknown,
  ): Promise<ContainerRecord> {
    await happens();
    const clock = startFairClock();
    const record = await system.until(id, 'to follow', look);
    expect(clock.elapsedMs()).toBeLessThan(FOLLOWS_MS);
    return record;
  }
  const typesOf = async (id: string): Promise<readonly string[]> => (await system.events(id)).map(({ type }) => type);
  const holdersOf = async (name: string) => (await system.volume(`vol-${name}`))?.holders;

  it('powered off: it has exited, and holds its volumes no more', async () => {
    const id = await system.runContainer('off', withVolume('off'));
    const record = await follows(id, turn('off', false), ({ state }) => state === 'exited');
    expect(record).toMatchObject({ run: { wanted: 'stopped', exitCode: 137 } });
    expect(await holdersOf('off')).toEqual([]);
    expect(await system.volume('vol-off')).toMatchObject({ state: 'available' });
    expect((await system.machine('off')).devices.filter(({ disk }) => disk?.includes('vol-off'))).toEqual([]);
    expect((await system.events(id)).at(-1)).toMatchObject({ type: 'container.died', data: { exitCode: 137 } });
  });

  it('ended by itself: its exit code is the guest’s', async () => {
    const id = await system.runContainer('ended');
    const record = await follows(
      id,
      () => system.endByItself('ended', 3),
      ({ state }) => state === 'exited',
    );
    expect(record.run).toMatchObject({ exitCode: 3, wanted: 'stopped' });
  });

  it('powered on: it runs', async () => {
    const id = await system.runContainer('on', withVolume('on'));
    await system.succeed('container.stop', { container: 'on' });
    const record = await follows(id, turn('on', true), ({ state }) => state === 'running');
    expect(record).toMatchObject({ run: { wanted: 'running' }, error: 'volume vol-on was taken out of its machine' });
    expect(await typesOf(id)).toContain('container.flagged');
    await system.succeed('container.stop', { container: 'on' });
    await system.succeed('container.start', { container: 'on' });
    await system.until(id, 'in order again', ({ flag, error }) => flag === undefined && error === undefined);
  });

  it('suspended and resumed: it is paused, and runs on', async () => {
    const id = await system.runContainer('paused', withVolume('paused'));
    const act = (what: 'suspend' | 'resume') => () =>
      system.inVsphere('paused', ({ ref }, { dc: { power } }) =>
        what === 'suspend' ? power.suspend(ref, testFence()) : power.on(ref, undefined, testFence()),
      );
    await follows(id, act('suspend'), ({ state }) => state === 'paused');
    expect(await holdersOf('paused')).toMatchObject([{ machineName: 'paused' }]);
    await follows(id, act('resume'), ({ state }) => state === 'running');
    expect((await typesOf(id)).slice(-2)).toEqual(['container.paused', 'container.unpaused']);
  });

  it('moved by vMotion: its host is the new one', async () => {
    const id = await system.runContainer('moved');
    const { host } = (await system.record(id))?.machine ?? {};
    const hosts = (await system.lab('GET', '/hosts')) as readonly { readonly moid: string }[];
    const other = hosts.map(({ moid }) => `HostSystem:${moid}` as Moref).find((each) => each !== host);
    if (other === undefined) throw new Error('no other host');
    const go = () => system.inVsphere('moved', ({ ref }, { dc }) => dc.hosts.migrate(ref, other, testFence()));
    await follows(id, go, ({ machine }) => machine?.host === other);
    expect((await system.events(id)).at(-1)).toMatchObject({
      type: 'container.moved',
      data: { host: other, was: host },
    });
  });

  it('unregistered and registered again: it is dead, and comes back', async () => {
    const id = await system.runContainer('away', withVolume('away'));
    await system.succeed('container.stop', { container: 'away' });
    await untilTold();
    const { vmx } = await system.machine('away');
    const dead = await follows(
      id,
      () => system.stranger.unregister('away'),
      ({ state }) => state === 'dead',
    );
    expect(dead.error).toBe('its machine is not in vCenter any more');
    const { dc } = system.stranger;
    const estate = await dc.estates.find({ folder: 'stowage', pool: 'stowage' }, AbortSignal.timeout(10_000));
    if (estate === undefined) throw new Error('no folder');
    const { folder, pool } = estate;
    const spec = { vmxPath: vmx as Parameters<typeof dc.machines.register>[0]['vmxPath'], name: 'away', folder, pool };
    const back = async (): Promise<void> => {
      await dc.tasks.wait(await dc.machines.register(spec, testFence()), { signal: AbortSignal.timeout(30_000) });
    };
    const record = await follows(id, back, ({ state }) => state === 'exited');
    expect(record.error).toBeUndefined();
    await system.succeed('container.start', { container: 'away' });
  });

  it('destroyed: it is dead, its volumes are free, and it can be removed', async () => {
    const id = await system.runContainer('destroyed', withVolume('destroyed'));
    await system.succeed('container.stop', { container: 'destroyed' });
    await untilTold();
    // Its layers are open in other machines: vSphere would refuse.
    await system.inVsphere('destroyed', async ({ ref, disks }, { dc }) => {
      const scratch = disks.filter(({ path }) => path.endsWith('/scratch.vmdk')).map(({ key }) => key);
      const task = await dc.machines.detachAllBut(ref, scratch, testFence());
      if (task === undefined) throw new Error('it has no layer');
      return task;
    });
    const destroy = () => system.inVsphere('destroyed', ({ ref }, { dc }) => dc.machines.destroy(ref, testFence()));
    await follows(id, destroy, ({ state }) => state === 'dead');
    expect(await holdersOf('destroyed')).toEqual([]);
    await system.succeed('container.remove', { container: 'destroyed' });
    expect(await system.record(id)).toBeUndefined();
    expect(await system.volume('vol-destroyed')).toMatchObject({ state: 'available' });
  });

  it('a disk taken away: the volume is detached, and the container says so', async () => {
    const id = await system.runContainer('robbed', withVolume('robbed'));
    const rob = () => system.stranger.detach('vol-robbed', 'robbed');
    const record = await follows(id, rob, ({ error }) => error !== undefined);
    expect(record).toMatchObject({ state: 'running', error: 'volume vol-robbed was taken out of its machine' });
    expect(await system.volume('vol-robbed')).toMatchObject({ state: 'available', holders: [] });
    const told = (await system.store.events.list({ limit: 1, subject: 'volume:vol-robbed' })).items[0];
    expect(told).toMatchObject({ type: 'volume.detached', data: { outOfBand: true } });
    const giveBack = () => system.stranger.attach('vol-robbed', 'robbed');
    await follows(id, giveBack, ({ error }) => error === undefined);
    expect(await holdersOf('robbed')).toMatchObject([{ machineName: 'robbed' }]);
  });

  it('renamed: it keeps its name, and says so', async () => {
    const id = await system.runContainer('renamed');
    const rename = (from: string, to: string) => () =>
      system.inVsphere(from, ({ ref }, { dc }) => dc.machines.rename(ref, to, testFence()));
    const record = await follows(id, rename('renamed', 'theirs'), ({ flag }) => flag !== undefined);
    expect(record).toMatchObject({ called: 'renamed', flag: { reason: 'its machine is called theirs in vSphere' } });
    await follows(id, rename('theirs', 'renamed'), ({ flag }) => flag === undefined);
    expect((await typesOf(id)).slice(-2)).toEqual(['container.flagged', 'container.unflagged']);
  });

  it('after a dropped session it goes on', async () => {
    const id = await system.runContainer('dropped');
    await system.lab('POST', '/sessions/drop');
    await system.until(id, 'still running', ({ state }) => state === 'running');
    await turn('dropped', false)();
    await system.until(id, 'exited', ({ state }) => state === 'exited');
  });

  it('what Stowage does itself is nobody else’s doing', async () => {
    const id = await system.runContainer('own', withVolume('own'));
    await system.succeed('container.pause', { container: 'own' });
    await system.succeed('container.unpause', { container: 'own' });
    await system.succeed('container.restart', { container: 'own' });
    await system.succeed('container.stop', { container: 'own' });
    await untilTold();
    const { items } = await system.store.jobs.list({ resource: `container:${id}` as never }, { limit: 100 });
    expect(items.filter(({ kind }) => kind === 'container.sync')).toEqual([]);
    expect((await typesOf(id)).filter((type) => type.endsWith('flagged'))).toEqual([]);
  });
});
