import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContainerSystem, startContainerSystem } from '../harness/container-system.ts';
import { eventually } from './lab-view.ts';

// What follows the end of a run that nobody asked for.

describe('a container whose process ends', () => {
  let system: ContainerSystem;
  beforeAll(async () => {
    system = await startContainerSystem({ workers: 2 });
  }, 240_000);
  afterAll(() => system.close());

  const restart = (name: string, maxRetries = 0) => ({ restart: { name, maxRetries } });
  const runs = (id: string, restarts: number) =>
    system.until(
      id,
      `to run again (${restarts})`,
      ({ state, run }) => state === 'running' && run.restarts === restarts,
    );
  const ended = (id: string) => system.until(id, 'to have exited', ({ state }) => state === 'exited');
  const over = async (id: string): Promise<void> => {
    await eventually('no job at it', async () => {
      const lists = await Promise.all(
        ['container', 'again'].map((type) =>
          system.store.jobs.list({ resource: `${type}:${id}` as never }, { limit: 100 }),
        ),
      );
      return lists.flatMap(({ items }) => items).every(({ state }) => state !== 'waiting' && state !== 'running');
    });
  };

  it('on-failure:2: it is started again twice', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('failing', restart('on-failure', 2));
    await system.endByItself('failing', 1);
    const { run } = await runs(id, 1);
    expect(run).toMatchObject({ wanted: 'running', pauseMs: 100 });
    await system.endByItself('failing', 2);
    expect((await runs(id, 2)).run.pauseMs).toBe(200);
    await system.endByItself('failing', 3);
    expect((await ended(id)).run).toMatchObject({ wanted: 'stopped', exitCode: 3, restarts: 2 });
    await over(id);
    expect((await system.record(id))?.state).toBe('exited');
    const died = (await system.events(id)).filter(({ type }) => type === 'container.died');
    expect(died.map(({ data }) => data['exitCode'])).toEqual([1, 2, 3]);
  });

  it('on-failure: success is no failure', async () => {
    const id = await system.runContainer('content', restart('on-failure'));
    await system.endByItself('content', 0);
    expect((await ended(id)).run).toMatchObject({ wanted: 'stopped', exitCode: 0 });
  });

  it('always: it is started again, but not after a person stopped it', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('always', restart('always'));
    await system.endByItself('always', 0);
    await runs(id, 1);
    await system.succeed('container.stop', { container: 'always' });
    await over(id);
    expect(await system.record(id)).toMatchObject({ state: 'exited', run: { wanted: 'stopped' } });
    await system.succeed('container.start', { container: 'always' });
    expect((await system.record(id))?.run).toMatchObject({ restarts: 0 });
  });

  it('stopped while it waits for its restart: it stays', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('waiting', restart('unless-stopped'));
    for (const count of [1, 2, 3, 4]) {
      await system.endByItself('waiting', 1);
      await runs(id, count);
    }
    await system.endByItself('waiting', 1);
    expect((await ended(id)).run).toMatchObject({ wanted: 'running' });
    await system.succeed('container.stop', { container: 'waiting' });
    await over(id);
    expect(await system.record(id)).toMatchObject({ state: 'exited', run: { wanted: 'stopped' } });
    expect((await system.machine('waiting')).power).toBe('poweredOff');
  });

  it('--rm: it goes with its anonymous volume, and keeps the named one', async () => {
    const id = await system.runContainer('brief', {
      autoRemove: true,
      mounts: [
        { volume: 'kept', destination: '/kept', options: { Capacity: '8MiB' } },
        { destination: '/gone', options: { Capacity: '8MiB' } },
      ],
    });
    const anonymous = (await system.record(id))?.spec.mounts.find((mount) => mount.anonymous)?.volume ?? '';
    await system.endByItself('brief', 0);
    await eventually('it to be removed', async () => (await system.record(id)) === undefined);
    await eventually('its volume to be removed', async () => (await system.volume(anonymous)) === undefined);
    expect(await system.volume('kept')).toMatchObject({ state: 'available' });
    expect((await system.events(id)).map(({ type }) => type).slice(-2)).toEqual([
      'container.died',
      'container.removed',
    ]);
  });

  it('--rm, and its host crashes and returns: that is no exit, and it is not removed', {
    timeout: 120_000,
  }, async () => {
    await system.lab('POST', '/ha', { enabled: false });
    const id = await system.runContainer('survivor', { autoRemove: true });
    const { host } = await system.machine('survivor');
    const { ref } = (await system.store.records.read('host', host))?.record ?? {};
    await system.lab('POST', `/hosts/${host}/fail`, { mode: 'crash' });
    await eventually('the host to be lost', async () => {
      const found = await system.store.records.read('host', host);
      return found?.record.ref === ref && found?.record.connection === 'not-responding';
    });
    await system.lab('POST', `/hosts/${host}/return`);
    await eventually('it to be found lost', async () => {
      const { items } = await system.store.jobs.list({ resource: `container:${id}` as never }, { limit: 100 });
      return items.some(({ kind, result }) => kind === 'container.recover' || result?.['verdict'] === 'lost');
    });
    await over(id);
    expect(['running', 'recovering']).toContain((await system.record(id))?.state);
    expect((await system.events(id)).map(({ type }) => type)).not.toContain('container.died');
    await system.lab('POST', '/ha', { enabled: true });
  });

  it('--rm, and vSphere HA starts it elsewhere: it runs on', { timeout: 120_000 }, async () => {
    const id = await system.runContainer('moved-by-ha', { autoRemove: true });
    const { host } = await system.machine('moved-by-ha');
    await system.lab('POST', '/ha', { enabled: true, delayMs: 100 });
    await system.lab('POST', `/hosts/${host}/fail`, { mode: 'crash' });
    await eventually('it to run elsewhere', async () => {
      const machine = await system.machine('moved-by-ha');
      return machine.host !== host && machine.power === 'poweredOn';
    });
    const { moid } = (await system.machine('moved-by-ha')) as { moid: string };
    await system.until(id, 'to be there', ({ state, machine }) => state === 'running' && machine?.ref.endsWith(moid));
    await system.lab('POST', `/hosts/${host}/return`);
    await over(id);
    expect(await system.record(id)).toMatchObject({ state: 'running' });
  });
});
