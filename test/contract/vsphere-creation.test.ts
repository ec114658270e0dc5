import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DatastorePath } from '../../core/ids.ts';
import { failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { type MachineBed, openMachineBed, uuidOf } from '../harness/machines.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

// How containers' machines are made, on both simulators.

describe.each(['lab', 'stock'] as const)('the creation of machines on the %s vCenter', (program) => {
  let bed: TestBed;
  let own: MachineBed;
  const fence = testFence();
  const isLab = program === 'lab';

  beforeAll(async () => {
    bed = await openTestBed(program);
    own = await openMachineBed(bed, 'own');
  });
  afterAll(() => bed.close());

  const exists = async (path: DatastorePath): Promise<boolean> => (await bed.dc.disks.uuid(path, soon())) !== undefined;

  test('a machine has what was asked for', async () => {
    const spec = own.spec('as-asked', {
      cpus: 2,
      cpuLimitMhz: 1_500,
      memoryMib: 128,
      network: 'VM Network',
      extraConfig: { 'guestinfo.stowage.id': 'as-asked', 'guestinfo.stowage.odd': '<a> & "b"' },
    });
    const machine = await own.create('as-asked', spec);
    expect(machine).toMatchObject({
      name: 'as-asked',
      uuid: spec.uuid,
      vmxPath: spec.vmxPath,
      power: 'off',
      connection: 'connected',
      cpus: 2,
      memoryMib: 128,
    });
    expect(machine.host).toMatch(/^HostSystem:/);
    expect(machine.extraConfig).toMatchObject({ ...spec.extraConfig, 'disk.EnableUUID': 'TRUE' });
    expect(machine.controllers).toEqual([expect.objectContaining({ type: 'ParaVirtualSCSIController', bus: 0 })]);
    expect(machine.disks).toEqual([
      expect.objectContaining({ path: spec.scratch.path, unit: 0, mode: 'independent_persistent' }),
    ]);
    expect(machine.disks[0]?.capacityBytes).toBe(spec.scratch.capacityBytes);
  });

  test('a machine of a guest has a serial port that dials, and a drive with what it boots', async () => {
    const serial = 'tcp://127.0.0.1:2378';
    const bootImage = bed.path('iso/guest.iso');
    const machine = await own.create('with-guest', { serial, bootImage });
    const sent = bed.proxy.calls.find(({ method, body }) => method === 'CreateVM_Task' && body.includes('with-guest'));
    expect(sent?.body).toMatch(/<(\w+:)?serviceURI>tcp:\/\/127\.0\.0\.1:2378</);
    expect(sent?.body).toMatch(/<(\w+:)?yieldOnPoll>true</);
    // Devices that we do not know are read past.
    expect(machine.disks).toHaveLength(1);
  });

  test('the bytes of a request stand in the order that vSphere wants', () => {
    const sent = bed.proxy.calls.find(({ method, body }) => method === 'CreateVM_Task' && body.includes('as-asked'));
    const order = (...names: readonly string[]): void => {
      const places = names.map((name) => sent?.body.search(new RegExp(`<(\\w+:)?${name}[ >]`)) ?? -1);
      expect(places).not.toContain(-1);
      expect(places).toEqual([...places].sort((a, b) => a - b));
    };
    order('name', 'uuid', 'guestId', 'files', 'numCPUs', 'memoryMB', 'deviceChange', 'cpuAllocation', 'extraConfig');
    order('fileName', 'diskMode', 'thinProvisioned');
    order('busNumber', 'sharedBus', 'scsiCtlrUnitNumber');
    expect(sent?.body).toContain('xsi:type="VirtualVmxnet3"');
  });

  test('twenty layers and the scratch disk fill two controllers in order', async () => {
    const layers = await own.disks('layer', 20);
    const machine = await own.create('layered', { layers });
    const places = machine.disks.map((disk) => {
      const bus = machine.controllers.find(({ key }) => key === disk.controllerKey)?.bus;
      return { path: disk.path, at: `${bus}:${disk.unit}`, mode: disk.mode };
    });
    const units = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    const expected = [...units.map((unit) => `0:${unit}`), ...units.map((unit) => `1:${unit}`)];
    expect(places).toEqual([
      ...layers.map((path, n) => ({ path, at: expected[n], mode: 'independent_nonpersistent' })),
      { path: bed.path('own/layered/scratch.vmdk'), at: '1:5', mode: 'independent_persistent' },
    ]);
  });

  test('127 layers, as many as Docker allows, and the scratch disk: distinct places, none on unit 7', async () => {
    const layers = await own.disks('deep', 127);
    const machine = await own.create('deep', { layers });
    const places = machine.disks.map(({ controllerKey, unit }) => `${controllerKey}:${unit}`);
    expect(new Set(places).size).toBe(128);
    expect(machine.disks.map(({ unit }) => unit)).not.toContain(7);
    expect(machine.disks.slice(0, 127).map(({ path }) => path)).toEqual(layers);
  });

  test('more disks than a machine has places for are refused before anything is sent', async () => {
    const layers = Array.from({ length: 128 }, (_, n) => bed.path(`own/disks/none-${n}.vmdk`));
    const sent = bed.proxy.calls.length;
    const refused = bed.dc.machines.create(own.spec('full', { layers }), fence);
    expect(await failure(refused)).toMatchObject({ code: 'machine-full' });
    expect(bed.proxy.calls.slice(sent).map(({ method }) => method)).not.toContain('CreateVM_Task');
  });

  test('a second creation fails, and the uuid finds what the first one made', async () => {
    const first = await own.create('twice');
    // The stock simulator takes a second machine of the same name, and stumbles over the files only.
    expect(await failure(own.create('twice'))).toMatchObject({ code: 'vcenter-exists' });
    const found = await bed.dc.machines.findByUuid(uuidOf('twice'), soon());
    expect(found.map(({ ref }) => ref)).toEqual([first.ref]);
    expect(await bed.dc.machines.findByUuid(uuidOf('nobody'), soon())).toEqual([]);
  });

  test('two creations at once make one machine', async () => {
    const both = await Promise.allSettled([own.create('racing'), own.create('racing')]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await bed.dc.machines.findByUuid(uuidOf('racing'), soon())).toHaveLength(1);
  });

  test('with a layer that is missing nothing is made', async () => {
    const [layer] = await own.disks('there', 1);
    const layers = [layer ?? bed.path(''), bed.path('own/disks/missing.vmdk')];
    const failed = await failure(own.create('lacking', { layers }));
    expect(failed).toMatchObject({ code: 'vcenter-not-found' });
    expect(await bed.dc.machines.findByUuid(uuidOf('lacking'), soon())).toEqual([]);
    // The stock simulator leaves the home, and in it what it had made before it failed.
    if (isLab) expect(await bed.dc.files.list(bed.path('own/lacking'), soon())).toBeUndefined();
    if (layer !== undefined) expect(await exists(layer)).toBe(true);
  });

  test('a network that is not there is refused', async () => {
    const refused = bed.dc.machines.create(own.spec('netless', { network: 'no such network' }), fence);
    expect(await failure(refused)).toMatchObject({ code: 'vcenter-not-found' });
  });

  test.runIf(!isLab)('a distributed port group is a network too', async () => {
    const machine = await own.create('distributed', { network: 'DC0_DVPG0' });
    expect(machine.name).toBe('distributed');
    const body = bed.proxy.calls.find((call) => call.body.includes('switchUuid'))?.body;
    expect(body).toContain('portgroupKey');
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    await expectSoundRequests(bed, annotate);
  });
});
