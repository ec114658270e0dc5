import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { type MachineBed, openMachineBed } from '../harness/machines.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

// Machines that start and stop, where they run, and what the event log says of it, on both simulators.

describe.each(['lab', 'stock'] as const)('machines that run on the %s vCenter', (program) => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();

  beforeAll(async () => {
    bed = await openTestBed(program);
    own = await openMachineBed(bed, 'own');
  });
  afterAll(() => bed.close());

  describe('power', () => {
    test('on, paused, on, reset, off; each of them twice is told', async () => {
      const { ref } = await own.create('powered');
      const { power } = bed.dc;
      const host = (await own.read(ref)).host;
      await done(bed, power.on(ref, host, fence));
      expect((await own.read(ref)).power).toBe('on');
      expect(await failure(done(bed, power.on(ref, undefined, fence)))).toMatchObject({ code: 'vcenter-already-so' });
      await done(bed, power.reset(ref, fence));
      await done(bed, power.suspend(ref, fence));
      expect((await own.read(ref)).power).toBe('suspended');
      const paused = await failure(done(bed, power.suspend(ref, fence)));
      // The lab names what suspending needs, the stock simulator what it leads to.
      expect(['vcenter-already-so', 'vcenter-state']).toContain(paused.code);
      await done(bed, power.on(ref, undefined, fence));
      await done(bed, power.off(ref, fence));
      expect((await own.read(ref)).power).toBe('off');
      expect(await failure(done(bed, power.off(ref, fence)))).toMatchObject({ code: 'vcenter-already-so' });
    });

    test('DRS starts several at once, each by a Task of its own', async () => {
      const machines = await Promise.all(['drs-1', 'drs-2'].map((name) => own.create(name)));
      const refs = machines.map(({ ref }) => ref);
      const result = await done(bed, bed.dc.power.onByDrs(refs, fence));
      for (const ref of refs) {
        await bed.dc.tasks.wait(bed.dc.power.startOf(ref, result), { signal: soon() });
        expect((await own.read(ref)).power).toBe('on');
      }
      const again = await done(bed, bed.dc.power.onByDrs(refs.slice(0, 1), fence));
      const start = (async () => {
        await bed.dc.tasks.wait(bed.dc.power.startOf(refs[0] ?? own.estate.folder, again), { signal: soon() });
      })();
      expect(await failure(start)).toMatchObject({ code: 'vcenter-already-so' });
      const unknown = (async () => bed.dc.power.startOf(own.estate.folder, again))();
      expect(await failure(unknown)).toMatchObject({ code: 'vcenter-state' });
      const garbled = (async () => bed.dc.power.startOf(own.estate.folder, 'x'))();
      expect(await failure(garbled)).toMatchObject({ code: 'vcenter-garbled' });
    });

    test('a machine that is on is neither destroyed nor unregistered', async () => {
      const { ref } = await own.create('running');
      await own.start(ref);
      expect(await failure(done(bed, bed.dc.machines.destroy(ref, fence)))).toMatchObject({ code: 'vcenter-state' });
      expect(await failure(bed.dc.machines.unregister(ref, fence))).toMatchObject({ code: 'vcenter-state' });
    });
  });

  test.runIf(program === 'lab')('a start that is under way is found by its Task, for this machine only', async () => {
    const [{ ref }, { ref: other }] = [await own.create('starting'), await own.create('resting')];
    await bed.control('POST', '/task-latency', { method: 'PowerOnVM_Task', ms: 60_000 });
    const query = { method: 'PowerOnVM_Task', sinceMs: Date.now(), signal: soon() };
    const task = await bed.dc.power.on(ref, undefined, fence);
    expect(await bed.dc.tasks.inFlight({ ...query, entity: ref })).toEqual([task]);
    expect(await bed.dc.tasks.inFlight({ ...query, entity: other })).toEqual([]);
    await bed.control('POST', '/task-latency', { method: 'PowerOnVM_Task', ms: 0 });
    await bed.dc.tasks.wait(task, { signal: soon() });
  });

  describe('hosts', () => {
    test('those that could run a machine are ranked, without the excepted', async () => {
      const query = { cluster: own.estate.cluster, cpus: 1, memoryMib: 64, datastores: [bed.datastore] };
      const ranked = await bed.dc.hosts.rank(query, soon());
      expect(ranked).toHaveLength(3);
      expect(ranked[0]?.isRecommended).toBe(true);
      const [first] = ranked;
      const others = await bed.dc.hosts.rank({ ...query, except: first === undefined ? [] : [first.host] }, soon());
      expect(others.map(({ host }) => host)).not.toContain(first?.host);
      expect(others).toHaveLength(2);
    });

    test('without DRS they are ranked by free memory, and those without enough left out', async () => {
      const query = { cluster: own.estate.cluster, cpus: 1, memoryMib: 64, datastores: [bed.datastore] };
      bed.proxy.disturb('PlaceVm', { type: 'fault', fault: 'InvalidState' });
      const ranked = await bed.dc.hosts.rank(query, soon());
      expect(ranked.map(({ isRecommended }) => isRecommended)).toEqual([false, false, false]);
      const free = ranked.map(({ freeMemoryBytes }) => freeMemoryBytes);
      expect(free).toEqual([...free].sort((a, b) => b - a));
      bed.proxy.disturb('PlaceVm', { type: 'fault', fault: 'InvalidState' });
      expect(await bed.dc.hosts.rank({ ...query, memoryMib: 1_048_576 * 16 }, soon())).toEqual([]);
    });

    test('a machine is moved to another host, also while it runs', async () => {
      const { ref, host } = await own.create('moving');
      await own.start(ref);
      const query = { cluster: own.estate.cluster, cpus: 1, memoryMib: 64, datastores: [bed.datastore] };
      const except = host === undefined ? [] : [host];
      const [other] = await bed.dc.hosts.rank({ ...query, except }, soon());
      if (other === undefined) throw new Error('there is no other host');
      await done(bed, bed.dc.hosts.migrate(ref, other.host, fence));
      expect(await own.read(ref)).toMatchObject({ host: other.host, power: 'on' });
      await done(bed, bed.dc.hosts.migrate(ref, other.host, fence));
    });
  });

  describe('the event log', () => {
    test('what happened to a machine is read in order, from a time and from a key on', async () => {
      const { ref } = await own.create('storied');
      await own.start(ref);
      await done(bed, bed.dc.power.off(ref, fence));
      const query = { sinceMs: Date.now() - 60_000, about: ref };
      const events = await bed.dc.eventLog.read(query, soon());
      const types = events.map(({ type }) => type);
      expect(types.filter((type) => /^Vm(Created|PoweredO)/.test(type))).toEqual([
        'VmCreatedEvent',
        'VmPoweredOnEvent',
        'VmPoweredOffEvent',
      ]);
      const keys = events.map(({ key }) => key);
      expect(keys).toEqual([...keys].sort((a, b) => a - b));
      expect(events.at(-1)).toMatchObject({ machine: { ref, name: 'storied' }, host: { ref: expect.any(String) } });
      const [first] = events;
      const rest = await bed.dc.eventLog.read({ ...query, afterKey: first?.key ?? 0 }, soon());
      expect(rest).toEqual(events.slice(1));
      const on = await bed.dc.eventLog.read({ ...query, types: ['VmPoweredOnEvent', 'VmFailoverFailed'] }, soon());
      expect(on.map(({ type }) => type)).toEqual(['VmPoweredOnEvent']);
      expect(await bed.dc.eventLog.read({ ...query, limit: 1 }, soon())).toEqual(events.slice(0, 1));
      expect(await bed.dc.eventLog.read({ sinceMs: Date.now() + 600_000 }, soon())).toEqual([]);
    });
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    await expectSoundRequests(bed, annotate);
  });
});
