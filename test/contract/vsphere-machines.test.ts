import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { type DatastorePath, moref } from '../../core/ids.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { type MachineBed, openMachineBed, uuidOf } from '../harness/machines.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

// What jobs do with containers' machines, on both simulators. The stock one has no file locks, keeps no configuration over
// unregister, ignores changeVersion and takes what is not there away without a word: those are told where they show.

describe.each(['lab', 'stock'] as const)('machines on the %s vCenter', (program) => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();
  const isLab = program === 'lab';

  beforeAll(async () => {
    bed = await openTestBed(program);
    own = await openMachineBed(bed, 'own');
    for (const name of ['as-asked', 'layered', 'twice']) await own.create(name);
  });
  afterAll(() => bed.close());

  const exists = async (path: DatastorePath): Promise<boolean> => (await bed.dc.disks.uuid(path, soon())) !== undefined;

  test('the list has the machines of the folder, and no other', async () => {
    const listed = await bed.dc.machines.list(own.estate.folder, soon());
    expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['as-asked', 'layered', 'twice']));
    expect(listed.map(({ name }) => name)).not.toContain(bed.machineName);
    const twice = listed.find(({ name }) => name === 'twice');
    expect(twice).toEqual(await own.read(twice?.ref ?? own.estate.folder));
    const gone = bed.dc.machines.list(moref('Folder', 'group-v99999'), soon());
    expect(await failure(gone)).toMatchObject({ code: 'vcenter-not-found' });
  });

  test('where the server has no index of uuids, the properties are searched', async () => {
    bed.proxy.disturb('FindAllByUuid', { type: 'fault', fault: 'NotSupported' });
    const found = await bed.dc.machines.findByUuid(uuidOf('twice'), soon());
    expect(found.map(({ name }) => name)).toEqual(['twice']);
  });

  describe('disks', () => {
    test('several come and go in one call each, over controllers that are there and new', async () => {
      const { ref, changeVersion, controllers } = await own.create('volumes');
      const paths = await own.disks('volume', 3);
      const slots = [
        { controller: 'existing', controllerKey: controllers[0]?.key ?? 0, unit: 4 },
        { controller: 'new', bus: 1, unit: 0 },
        { controller: 'new', bus: 1, unit: 8 },
      ] as const;
      const disks = paths.map((path, n) => ({
        path,
        slot: slots[n] ?? slots[0],
        mode: n === 0 ? 'independent_nonpersistent' : 'independent_persistent',
      })) as Parameters<typeof bed.dc.machines.attachAll>[0]['disks'];
      await done(bed, bed.dc.machines.attachAll({ machine: ref, changeVersion, disks }, fence));
      const attached = await own.read(ref);
      expect(attached.controllers.map(({ bus }) => bus)).toEqual([0, 1]);
      const held = attached.disks.filter(({ path }) => paths.includes(path));
      expect(held.map(({ path, unit, mode }) => ({ path, unit, mode }))).toEqual(
        disks.map(({ path, slot, mode }) => ({ path, unit: slot.unit, mode })),
      );

      const diskKeys = held.slice(0, 2).map(({ key }) => key);
      const detach = { machine: ref, changeVersion: attached.changeVersion, diskKeys };
      await done(bed, bed.dc.machines.detachAll(detach, fence));
      const left = await own.read(ref);
      expect(left.disks.map(({ path }) => path)).toEqual([bed.path('own/volumes/scratch.vmdk'), paths[2]]);
      for (const path of paths) expect(await exists(path)).toBe(true);
    });

    test.runIf(isLab)('one of several that cannot be attached keeps all from it', async () => {
      const { ref, changeVersion, controllers } = await own.create('atomic');
      const [there] = await own.disks('atomic', 1);
      const at = (unit: number) => ({ controller: 'existing', controllerKey: controllers[0]?.key ?? 0, unit }) as const;
      const mode = 'independent_persistent' as const;
      const disks = [
        { path: there ?? bed.path(''), slot: at(1), mode },
        { path: bed.path('own/disks/none.vmdk'), slot: at(2), mode },
      ];
      const failed = done(bed, bed.dc.machines.attachAll({ machine: ref, changeVersion, disks }, fence));
      expect(await failure(failed)).toMatchObject({ code: 'vcenter-not-found' });
      expect((await own.read(ref)).disks).toHaveLength(1);
      const detach = { machine: ref, changeVersion: '', diskKeys: [2_000, 4_711] };
      expect(await failure(done(bed, bed.dc.machines.detachAll(detach, fence)))).toMatchObject({
        code: 'vcenter-invalid',
      });
      expect((await own.read(ref)).disks).toHaveLength(1);
    });
  });

  test('before a machine is destroyed all but its own disk come off, and their files stay', async () => {
    const layers = await own.disks('kept', 2);
    const { ref, disks } = await own.create('doomed', { layers });
    const scratch = disks.find(({ path }) => path.endsWith('scratch.vmdk'));
    const task = await bed.dc.machines.detachAllBut(ref, [scratch?.key ?? 0], fence);
    if (task === undefined) throw new Error('there was something to detach');
    await bed.dc.tasks.wait(task, { signal: soon() });
    expect((await own.read(ref)).disks.map(({ path }) => path)).toEqual([scratch?.path]);
    expect(await bed.dc.machines.detachAllBut(ref, [scratch?.key ?? 0], fence)).toBeUndefined();
    await done(bed, bed.dc.machines.destroy(ref, fence));
    expect(await bed.dc.machines.find(ref, soon())).toBeUndefined();
    for (const path of layers) expect(await exists(path)).toBe(true);
    if (isLab) expect(await bed.dc.files.list(bed.path('own/doomed'), soon())).toBeUndefined();
    const again = done(bed, bed.dc.machines.destroy(ref, fence));
    expect(await failure(again)).toMatchObject({ code: 'vcenter-not-found' });
    const nobody = bed.dc.machines.detachAllBut(ref, [], fence);
    expect(await failure(nobody)).toMatchObject({ code: 'vcenter-not-found' });
  });

  test('a reconfigure changes what is named, and takes a key away', async () => {
    const { ref, changeVersion } = await own.create('changing', {
      extraConfig: { 'guestinfo.a': '1', 'guestinfo.b': '2' },
    });
    const extraConfig = { 'guestinfo.a': '', 'guestinfo.c': '3' };
    const spec = {
      machine: ref,
      changeVersion,
      cpus: 4,
      memoryMib: 256,
      cpuLimitMhz: 'unlimited',
      extraConfig,
    } as const;
    await done(bed, bed.dc.machines.reconfigure(spec, fence));
    const changed = await own.read(ref);
    expect(changed).toMatchObject({ cpus: 4, memoryMib: 256, name: 'changing' });
    expect(changed.extraConfig).toMatchObject({ 'guestinfo.b': '2', 'guestinfo.c': '3' });
    expect(changed.extraConfig).not.toHaveProperty('guestinfo.a');
    if (!isLab) return;
    const again = done(bed, bed.dc.machines.reconfigure({ ...spec, cpus: 2 }, fence));
    expect(await failure(again)).toMatchObject({ code: 'vcenter-conflict' });
  });

  test('it goes into another folder', async () => {
    const { ref } = await own.create('moved');
    const names = { folder: 'Elsewhere', pool: 'own', cluster: isLab ? 'lab-cluster' : 'DC0_C0' };
    const { folder } = await bed.dc.estates.ensure(names, fence);
    await done(bed, bed.dc.machines.moveInto(ref, folder, fence));
    expect((await bed.dc.machines.list(folder, soon())).map((each) => each.ref)).toEqual([ref]);
  });

  test('a machine gets another name, and none that is taken', async () => {
    const { ref } = await own.create('before');
    await done(bed, bed.dc.machines.rename(ref, 'after', fence));
    expect((await own.read(ref)).name).toBe('after');
    const taken = done(bed, bed.dc.machines.rename(ref, 'twice', fence));
    // The stock simulator says InvalidArgument.
    expect(await failure(taken)).toMatchObject({ code: isLab ? 'vcenter-exists' : 'vcenter-invalid' });
  });

  test('an unregistered machine keeps its files; registered, it has its configuration and uuid', async () => {
    const layers = await own.disks('homed', 1);
    const spec = own.spec('homing', { layers, cpus: 2 });
    const before = await own.create('homing', spec);
    await bed.dc.machines.unregister(before.ref, fence);
    await bed.dc.machines.unregister(before.ref, fence);
    expect(await bed.dc.machines.findByUuid(spec.uuid, soon())).toEqual([]);
    const { name, vmxPath, folder, pool } = spec;
    const home = { name, vmxPath, folder, pool, ...(before.host === undefined ? {} : { host: before.host }) };
    const ref = bed.dc.machines.createdMachine(await done(bed, bed.dc.machines.register(home, fence)));
    expect(ref).not.toBe(before.ref);
    const after = await own.read(ref);
    expect(after).toMatchObject({ name, vmxPath });
    // The stock simulator's .vmx is empty: disks, size and extraConfig are lost, its uuid is one of its own.
    if (isLab) {
      expect(after).toMatchObject({ uuid: spec.uuid, cpus: 2, disks: before.disks });
      expect(after.extraConfig).toMatchObject(spec.extraConfig);
    }
    expect(await failure(done(bed, bed.dc.machines.register(home, fence)))).toMatchObject({ code: 'vcenter-exists' });
    const none = { ...home, name: 'none', vmxPath: bed.path('own/none/none.vmx') };
    expect(await failure(done(bed, bed.dc.machines.register(none, fence)))).toMatchObject({
      code: 'vcenter-not-found',
    });
  });

  test.runIf(isLab)('a creation whose answer is lost is found by its uuid, and while it runs by its Task', async () => {
    await bed.control('POST', '/task-latency', { method: 'CreateVM_Task', ms: 60_000 });
    await bed.control('POST', '/drops', { method: 'CreateVM_Task', when: 'after' });
    const sinceMs = Date.now();
    const lost = await failure(bed.dc.machines.create(own.spec('unanswered'), fence));
    expect(lost.kind).toBe('unavailable');
    const query = { method: 'CreateVM_Task', entity: own.estate.folder, sinceMs, signal: soon() };
    const [task] = await bed.dc.tasks.inFlight(query);
    if (task === undefined) throw new Error('the Task is not found');
    await bed.control('POST', '/task-latency', { method: 'CreateVM_Task', ms: 0 });
    const ref = bed.dc.machines.createdMachine(await bed.dc.tasks.wait(task, { signal: soon() }));
    const found = await bed.dc.machines.findByUuid(uuidOf('unanswered'), soon());
    expect(found.map((machine) => machine.ref)).toEqual([ref]);
    expect(await bed.dc.tasks.inFlight(query)).toEqual([]);
  });

  test('a claim that is lost keeps every change from leaving', async () => {
    const { ref, host } = await own.create('fenced');
    const assertHeld = (): void => {
      throw new StowageError('claim-lost', 'another worker has it');
    };
    const lost = testFence({ assertHeld });
    const { machines, power, hosts, estates } = bed.dc;
    const { name, vmxPath, folder, pool } = own.spec('other');
    const at = { machine: ref, changeVersion: '' };
    const on = host ?? ref;
    const sent = bed.proxy.calls.length;
    const refused = [
      () => machines.create(own.spec('other'), lost),
      () => machines.register({ name, vmxPath, folder, pool }, lost),
      () => machines.unregister(ref, lost),
      () => machines.destroy(ref, lost),
      () => machines.rename(ref, 'else', lost),
      () => machines.moveInto(ref, own.estate.folder, lost),
      () => machines.reconfigure({ ...at, cpus: 2 }, lost),
      () => machines.attachAll({ ...at, disks: [] }, lost),
      () => machines.detachAll({ ...at, diskKeys: [] }, lost),
      () => machines.detachAllBut(ref, [], lost),
      () => power.onByDrs([ref], lost),
      () => power.on(ref, undefined, lost),
      () => power.off(ref, lost),
      () => power.suspend(ref, lost),
      () => power.reset(ref, lost),
      () => hosts.migrate(ref, on, lost),
      () => hosts.enterMaintenance(on, { timeoutSeconds: 1, evacuateOff: false }, lost),
      () => hosts.exitMaintenance(on, { timeoutSeconds: 1 }, lost),
      () => estates.ensure({ folder: 'fenced', pool: 'fenced', cluster: isLab ? 'lab-cluster' : 'DC0_C0' }, lost),
    ];
    for (const change of refused) expect(await failure(change())).toMatchObject({ code: 'claim-lost' });
    const methods = bed.proxy.calls.slice(sent).map(({ method }) => method);
    expect(methods.filter((method) => /_Task$|^Create(Folder|Resource)|^Unregister/.test(method))).toEqual([]);
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    await expectSoundRequests(bed, annotate);
  });
});
