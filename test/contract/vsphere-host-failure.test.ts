import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Moref } from '../../core/ids.ts';
import type { WatchedMachine } from '../../core/ports/machines.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { startFairClock } from '../harness/fair-clock.ts';
import { type MachineBed, openMachineBed } from '../harness/machines.ts';

// Hosts that fail, return and are drained, and the locks of what runs on them. Only the lab has them: the stock simulator has no file
// locks and no HA, tells nobody when a host is gone, and enters maintenance with machines running.

describe('hosts and what runs on them', () => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();
  const beds: TestBed[] = [];

  beforeEach(async () => {
    bed = await openTestBed('lab');
    beds.push(bed);
    own = await openMachineBed(bed, 'hosted');
  });
  afterAll(() => Promise.all(beds.map((each) => each.close())));

  const fail = (host: string, mode: 'crash' | 'isolate') => bed.control('POST', `/hosts/${host}/fail`, { mode });
  const vsphereHa = (enabled: boolean) => bed.control('POST', '/ha', { enabled, delayMs: 200 });
  const events = async (about: Moref): Promise<readonly string[]> =>
    (await bed.dc.eventLog.read({ sinceMs: 0, about }, soon())).map(({ type }) => type);

  /** A machine that runs on esx-1.lab. */
  async function running(name: string): Promise<{ readonly ref: Moref; readonly host: Moref }> {
    const host = await own.hostNamed('esx-1.lab');
    const { ref } = await own.create(name);
    await own.start(ref, host);
    expect((await own.read(ref)).host).toBe(host);
    return { ref, host };
  }

  async function watching(
    ref: Moref,
    work: (latest: () => WatchedMachine | undefined) => Promise<void>,
  ): Promise<void> {
    const ending = new AbortController();
    let latest: WatchedMachine | undefined;
    const signal = AbortSignal.any([ending.signal, soon()]);
    const watch = bed.dc.machines.watch(
      own.estate.folder,
      ({ machines }) => {
        latest = machines.find((machine) => machine.ref === ref) ?? latest;
      },
      signal,
    );
    await expect.poll(() => latest?.connection).toBe('connected');
    await work(() => latest);
    ending.abort();
    await watch;
  }

  test('a machine on a host that fails is seen to be out of reach, and started elsewhere by vSphere HA', async () => {
    await vsphereHa(true);
    const { ref, host } = await running('restarted');
    await watching(ref, async (latest) => {
      await fail('esx-1.lab', 'crash');
      await expect.poll(() => latest()?.host !== host && latest()?.connected).toBe(true);
      expect(latest()?.power).toBe('on');
    });
    const told = await events(ref);
    expect(told).toContain('VmRestartedOnAlternateHostEvent');
    expect(await events(host)).toContain('HostConnectionLostEvent');
    const [restart] = await bed.dc.eventLog.read(
      { sinceMs: 0, about: ref, types: ['VmRestartedOnAlternateHostEvent'] },
      soon(),
    );
    expect(restart).toMatchObject({ sourceHost: { ref: host, name: 'esx-1.lab' }, machine: { ref } });
  });

  // vCenter tells at most a hundred changes in one answer: the host's own is in the first, what its machines are in the next.
  test('a host with more machines than fit into one answer is seen to be silent', async () => {
    await vsphereHa(false);
    const others = ['esx-2.lab', 'esx-3.lab'];
    for (const host of others) await bed.control('POST', `/hosts/${host}/maintenance`, { enter: true });
    await Promise.all(Array.from({ length: 120 }, (_, at) => own.create(`many-${at}`)));
    const ending = new AbortController();
    const signal = AbortSignal.any([ending.signal, soon()]);
    let connection: string | undefined;
    let disconnected = 0;
    const watches = [
      bed.dc.inventory.watch(({ hosts }) => {
        connection = hosts.find(({ name }) => name === 'esx-1.lab')?.connection;
      }, signal),
      bed.dc.machines.watch(
        own.estate.folder,
        ({ machines }) => {
          disconnected += machines.filter((machine) => machine.connection === 'disconnected').length;
        },
        signal,
      ),
    ];
    await expect.poll(() => connection).toBe('connected');
    const clock = startFairClock();
    await fail('esx-1.lab', 'crash');
    await expect.poll(() => connection, { interval: 10, timeout: 30_000 }).toBe('not-responding');
    expect(clock.elapsedMs()).toBeLessThan(2_000);
    await expect.poll(() => disconnected).toBe(120);
    ending.abort();
    await Promise.all(watches);
  });

  test('without HA it stays as it was last known, until it is re-homed with its configuration and uuid', async () => {
    await vsphereHa(false);
    const { ref, host } = await running('re-homed');
    const before = await own.read(ref);
    await watching(ref, async (latest) => {
      const clock = startFairClock();
      await fail('esx-1.lab', 'crash');
      await expect.poll(() => latest()?.connection, { interval: 10, timeout: 30_000 }).toBe('disconnected');
      expect(clock.elapsedMs()).toBeLessThan(2_000);
      expect(latest()).toMatchObject({ power: 'on', host });
    });
    expect(await failure(done(bed, bed.dc.power.on(ref, undefined, fence)))).toMatchObject({ code: 'vcenter-state' });
    const query = { cluster: own.estate.cluster, cpus: 1, memoryMib: 64, datastores: [bed.datastore] };
    const ranked = await bed.dc.hosts.rank(query, soon());
    expect(ranked.map((choice) => choice.name).sort()).toEqual(['esx-2.lab', 'esx-3.lab']);
    await bed.dc.machines.unregister(ref, fence);
    const { name, vmxPath, folder, pool } = own.spec('re-homed');
    const home = { name, vmxPath, folder, pool, ...(ranked[0] === undefined ? {} : { host: ranked[0].host }) };
    const registered = bed.dc.machines.createdMachine(await done(bed, bed.dc.machines.register(home, fence)));
    await own.start(registered);
    expect(await own.read(registered)).toMatchObject({
      uuid: before.uuid,
      disks: before.disks,
      extraConfig: before.extraConfig,
      host: ranked[0]?.host,
      power: 'on',
      connected: true,
    });
  });

  test('what runs on an isolated host keeps its locks: re-homed, it does not start, and says which file', async () => {
    await vsphereHa(false);
    const { ref } = await running('isolated');
    await fail('esx-1.lab', 'isolate');
    await expect.poll(async () => (await own.read(ref)).connected).toBe(false);
    await bed.dc.machines.unregister(ref, fence);
    const { name, vmxPath, folder, pool, scratch } = own.spec('isolated');
    const other = await own.hostNamed('esx-2.lab');
    const home = { name, vmxPath, folder, pool, host: other };
    const registered = bed.dc.machines.createdMachine(await done(bed, bed.dc.machines.register(home, fence)));
    const refused = await failure(done(bed, bed.dc.power.on(registered, undefined, fence)));
    expect(refused).toMatchObject({ code: 'file-locked', details: { file: expect.stringContaining('isolated/') } });
    expect([scratch.path, vmxPath]).toContain(refused.details.file);
  });

  test('a machine is not powered on while another has its disk open, and the message names the file', async () => {
    const [path] = await own.disks('shared', 1);
    if (path === undefined) throw new Error('there is no disk');
    const [one, two] = [await own.create('holder'), await own.create('waiter')];
    await own.attach(one.ref, path, 1);
    await own.attach(two.ref, path, 1);
    await own.start(one.ref);
    const refused = await failure(done(bed, bed.dc.power.on(two.ref, undefined, fence)));
    expect(refused).toMatchObject({ code: 'file-locked', kind: 'unavailable', details: { file: path } });
    expect(refused.message).toContain(path);
    const result = await done(bed, bed.dc.power.onByDrs([two.ref], fence));
    const byDrs = bed.dc.tasks.wait(bed.dc.power.startOf(two.ref, result), { signal: soon() });
    expect(await failure(byDrs)).toMatchObject({ code: 'file-locked', details: { file: path } });
    expect(await failure(done(bed, bed.dc.machines.destroy(two.ref, fence)))).toMatchObject({ code: 'file-locked' });
    const holders = await bed.dc.machines.findByDisk({ paths: [path] }, soon());
    expect(holders.filter(({ power }) => power === 'on').map(({ name }) => name)).toEqual(['holder']);
    await done(bed, bed.dc.power.off(one.ref, fence));
    await own.start(two.ref);
  });

  test('DRS says why it did not try: no host is left, or the host does not answer', async () => {
    await vsphereHa(false);
    const { ref } = await own.create('nowhere');
    const { ref: lost } = await running('lost');
    for (const name of ['esx-1.lab', 'esx-2.lab', 'esx-3.lab']) {
      if ((await own.read(ref)).host !== (await own.hostNamed(name))) await fail(name, 'crash');
    }
    const at = (await own.read(ref)).host;
    if (at === undefined) throw new Error('it is on no host');
    const result = await done(bed, bed.dc.power.onByDrs([lost], fence));
    const start = (async () => bed.dc.power.startOf(lost, result))();
    expect(await failure(start)).toMatchObject({
      kind: 'unavailable',
      details: { fault: { type: expect.any(String) } },
    });
    await done(bed, bed.dc.hosts.enterMaintenance(at, { timeoutSeconds: 30, evacuateOff: false }, fence));
    const none = await done(bed, bed.dc.power.onByDrs([ref], fence));
    const refused = await failure((async () => bed.dc.power.startOf(ref, none))());
    expect(refused).toMatchObject({ code: 'hosts-full', details: { fault: { type: 'NoCompatibleHost' } } });
    const query = { cluster: own.estate.cluster, cpus: 1, memoryMib: 64, datastores: [bed.datastore] };
    expect(await bed.dc.hosts.rank(query, soon())).toEqual([]);
  });

  test('a host is drained: what runs moves away, then it takes nothing until it leaves maintenance', async () => {
    const { ref, host } = await running('drained');
    const options = { timeoutSeconds: 60, evacuateOff: true };
    await done(bed, bed.dc.hosts.enterMaintenance(host, options, fence));
    const moved = await own.read(ref);
    expect(moved).toMatchObject({ power: 'on', connected: true });
    expect(moved.host).not.toBe(host);
    expect(await events(ref)).toContain('VmMigratedEvent');
    const again = done(bed, bed.dc.hosts.enterMaintenance(host, options, fence));
    expect(await failure(again)).toMatchObject({ code: 'vcenter-state' });
    expect(await failure(done(bed, bed.dc.hosts.migrate(ref, host, fence)))).toMatchObject({ code: 'vcenter-state' });
    await done(bed, bed.dc.hosts.exitMaintenance(host, { timeoutSeconds: 30 }, fence));
    await done(bed, bed.dc.hosts.migrate(ref, host, fence));
    expect((await own.read(ref)).host).toBe(host);
    const out = done(bed, bed.dc.hosts.exitMaintenance(host, { timeoutSeconds: 30 }, fence));
    expect(await failure(out)).toMatchObject({ code: 'vcenter-state' });
  });

  test('an unregistered machine that comes back with its host is found by its uuid, and not registered twice', async () => {
    await vsphereHa(false);
    const { ref } = await running('ghost');
    await fail('esx-1.lab', 'crash');
    await bed.dc.machines.unregister(ref, fence);
    await bed.control('POST', '/hosts/esx-1.lab/return');
    const spec = own.spec('ghost');
    await expect.poll(async () => (await bed.dc.machines.findByUuid(spec.uuid, soon())).length).toBe(1);
    const [ghost] = await bed.dc.machines.findByUuid(spec.uuid, soon());
    expect(ghost?.ref).not.toBe(ref);
    expect(ghost).toMatchObject({ vmxPath: spec.vmxPath, power: 'off' });
    expect(await failure(done(bed, bed.dc.machines.register({ ...spec }, fence)))).toMatchObject({
      code: expect.stringMatching(/^vcenter-(exists|invalid)$/),
    });
  });
});
