import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { datastorePath } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/data-centre.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';
import { expectSoundRequests } from '../harness/request-check.ts';

const MIB = 1_048_576;

describe.each(['lab', 'stock'] as const)('the vSphere ports on the %s vCenter', (program) => {
  let bed: TestBed;
  const fence = testFence();

  beforeAll(async () => {
    bed = await openTestBed(program);
    await bed.dc.files.makeDirectory(bed.path('ports'), fence);
  });
  afterAll(() => bed.close());

  const create = (name: string, capacityBytes = 8 * MIB): Promise<unknown> =>
    done(bed, bed.dc.disks.create({ path: bed.path(`ports/${name}`), capacityBytes, format: 'thin' }, fence));

  async function machine(): Promise<Machine> {
    const found = await bed.dc.machines.find(bed.machineName, soon());
    if (found === undefined) throw new Error(`there is no ${bed.machineName}`);
    return found;
  }

  test('ping tells who answers and what time it is there', async () => {
    const pong = await bed.dc.ping(soon());
    expect(pong.about).toContain('vCenter');
    expect(Math.abs(Date.parse(pong.clock) - Date.now())).toBeLessThan(60_000);
  });

  describe('disks', () => {
    test('a created disk has a uuid, a second creation finds it there', async () => {
      await create('a.vmdk');
      expect(await bed.dc.disks.uuid(bed.path('ports/a.vmdk'), soon())).toMatch(/^[0-9a-f]{32}$/);
      expect(await failure(create('a.vmdk'))).toMatchObject({
        code: 'vcenter-exists',
        details: { fault: { type: 'FileAlreadyExists' } },
      });
    });

    test('a disk in a directory that is not there cannot be created', async () => {
      expect(await failure(create('nowhere/a.vmdk'))).toMatchObject({ code: 'vcenter-not-found' });
    });

    test('a disk that is not there has no uuid', async () => {
      expect(await bed.dc.disks.uuid(bed.path('ports/none.vmdk'), soon())).toBeUndefined();
    });

    test('a copy is a disk of its own, an extended disk stays, a removed one is gone', async () => {
      await create('b.vmdk');
      const [from, to] = [bed.path('ports/b.vmdk'), bed.path('ports/b2.vmdk')];
      await done(bed, bed.dc.disks.copy({ from, to, format: 'thin' }, fence));
      await done(bed, bed.dc.disks.extend({ path: to, capacityBytes: 16 * MIB }, fence));
      await done(bed, bed.dc.disks.remove(from, fence));
      expect(await failure(done(bed, bed.dc.disks.remove(from, fence)))).toMatchObject({ code: 'vcenter-not-found' });
      const listed = await bed.dc.files.list(bed.path('ports'), soon());
      expect(listed?.some((entry) => entry.name === 'b.vmdk')).toBe(false);
      const copy = listed?.find((entry) => entry.name === 'b2.vmdk');
      expect(copy?.isDirectory).toBe(false);
      // The stock simulator tells no capacities.
      if (program === 'lab') expect(copy?.capacityBytes).toBe(16 * MIB);
    });
  });

  describe('copies', () => {
    test('where vCenter knows no format for copies, the copy is as its source is', async () => {
      await create('d.vmdk');
      bed.proxy.disturb('CopyVirtualDisk_Task', { type: 'fault', fault: 'NotImplemented' });
      const [from, to] = [bed.path('ports/d.vmdk'), bed.path('ports/d2.vmdk')];
      await done(bed, bed.dc.disks.copy({ from, to, format: 'eagerzeroedthick' }, fence));
      expect(await bed.dc.disks.uuid(to, soon())).toBeDefined();
    });
  });

  describe('files', () => {
    test('a directory with missing parents is made, and found when made again', async () => {
      const path = bed.path(`ports/made-${program}/deep`);
      expect(await bed.dc.files.makeDirectory(path, fence)).toBe('created');
      // The stock simulator does not say that it was there.
      expect(await bed.dc.files.makeDirectory(path, fence)).toBe(program === 'lab' ? 'existed' : 'created');
    });

    test('what is written is read back, whatever the name', async () => {
      const bytes = new TextEncoder().encode('{"name":"käse & brot"}');
      const path = bed.path('ports/käse & brot+50%?#.json');
      await bed.dc.files.write(path, bytes, fence);
      expect(await bed.dc.files.read(path, soon())).toEqual(Buffer.from(bytes));
      await bed.dc.files.write(path, new Uint8Array([1]), fence);
      expect(await bed.dc.files.read(path, soon())).toEqual(Buffer.from([1]));
    });

    test('a file that is not there reads as nothing', async () => {
      expect(await bed.dc.files.read(bed.path('ports/none.json'), soon())).toBeUndefined();
    });

    test('a file beyond 1 MiB is not written', async () => {
      const written = bed.dc.files.write(bed.path('ports/big'), new Uint8Array(MIB + 1), fence);
      expect(await failure(written)).toMatchObject({ code: 'vcenter-invalid' });
    });

    test('a listing has directories and files, a disk only once', async () => {
      await create('c.vmdk');
      await bed.dc.files.makeDirectory(bed.path('ports/dir'), fence);
      await bed.dc.files.write(bed.path('ports/c.json'), new Uint8Array([1, 2, 3]), fence);
      const listed = await bed.dc.files.list(bed.path('ports'), soon());
      expect(listed).toContainEqual(expect.objectContaining({ name: 'dir', isDirectory: true }));
      expect(listed).toContainEqual({ name: 'c.json', isDirectory: false, sizeBytes: 3 });
      expect(listed?.filter((entry) => entry.name.startsWith('c') && entry.name.endsWith('.vmdk'))).toHaveLength(1);
    });

    test('the listing of a directory that is not there is nothing, of an unknown datastore an error', async () => {
      expect(await bed.dc.files.list(bed.path('none'), soon())).toBeUndefined();
      const unknown = bed.dc.files.list(datastorePath('no-such-store', 'x'), soon());
      expect(await failure(unknown)).toMatchObject({ code: 'vcenter-not-found' });
    });

    test('a copied file can be read, a removed one is gone', async () => {
      const [from, to] = [bed.path('ports/from.json'), bed.path('ports/to.json')];
      await bed.dc.files.write(from, new Uint8Array([7]), fence);
      await done(bed, bed.dc.files.copy(from, to, fence));
      expect(await bed.dc.files.read(to, soon())).toEqual(Buffer.from([7]));
      await done(bed, bed.dc.files.remove(to, fence));
      expect(await bed.dc.files.read(to, soon())).toBeUndefined();
      expect(await failure(done(bed, bed.dc.files.remove(to, fence)))).toMatchObject({ code: 'vcenter-not-found' });
    });
  });

  describe('machines', () => {
    test('a machine is found by name and by moref, an unknown one is not', async () => {
      const byName = await machine();
      const value = byName.ref.slice('VirtualMachine:'.length);
      expect((await bed.dc.machines.find(value, soon()))?.name).toBe(bed.machineName);
      expect((await bed.dc.machines.find(byName.ref, soon()))?.name).toBe(bed.machineName);
      expect(await bed.dc.machines.find('vm-99999', soon())).toBeUndefined();
      expect(await bed.dc.machines.find('nobody', soon())).toBeUndefined();
      expect(byName).toMatchObject({ power: 'on', connected: true });
      for (const { takenUnits } of byName.controllers) expect(takenUnits).toContain(7);
    });

    test('a disk goes onto a new controller, is found by its path and uuid, and comes off with its file kept', async () => {
      await create('hot.vmdk');
      const path = bed.path('ports/hot.vmdk');
      const before = await machine();
      const slot = { controller: 'new', bus: 2, unit: 3 } as const;
      const target = { machine: before.ref, changeVersion: before.changeVersion };
      await done(bed, bed.dc.machines.attach({ ...target, path, slot, mode: 'independent_persistent' }, fence));

      const after = await machine();
      const disk = after.disks.find((one) => one.path === path);
      expect(disk).toMatchObject({ unit: 3, mode: 'independent_persistent' });
      const controller = after.controllers.find((one) => one.key === disk?.controllerKey);
      expect(controller).toMatchObject({ bus: 2, type: 'ParaVirtualSCSIController', takenUnits: [3, 7] });

      const uuid = await bed.dc.disks.uuid(path, soon());
      for (const wanted of [{ paths: [path] }, { uuids: uuid === undefined ? [] : [uuid] }]) {
        const holders = await bed.dc.machines.findByDisk(wanted, soon());
        expect(holders).toEqual([expect.objectContaining({ machine: before.ref, name: bed.machineName, power: 'on' })]);
      }

      const { changeVersion } = after;
      await done(bed, bed.dc.machines.detach({ ...target, changeVersion, diskKey: disk?.key ?? 0 }, fence));
      expect((await machine()).disks.some((one) => one.path === path)).toBe(false);
      expect(await bed.dc.disks.uuid(path, soon())).toBe(uuid);
    });

    test('a disk goes onto the controller that is there, and grows while attached', async () => {
      await create('grow.vmdk', 8 * MIB);
      const path = bed.path('ports/grow.vmdk');
      const before = await machine();
      const slot = { controller: 'existing', controllerKey: before.controllers[0]?.key ?? 0, unit: 9 } as const;
      const spec = { machine: before.ref, changeVersion: before.changeVersion, path, slot } as const;
      await done(bed, bed.dc.machines.attach({ ...spec, mode: 'independent_persistent' }, fence));
      const attached = await machine();
      const diskKey = attached.disks.find((one) => one.path === path)?.key ?? 0;
      const grow = { machine: before.ref, changeVersion: attached.changeVersion, diskKey, capacityBytes: 24 * MIB };
      await done(bed, bed.dc.machines.extend(grow, fence));
      const grown = await machine();
      expect(grown.disks.find((one) => one.path === path)?.capacityBytes).toBe(24 * MIB);
      await done(bed, bed.dc.machines.detach({ ...grow, changeVersion: grown.changeVersion }, fence));
    });

    test('a disk that the machine does not have cannot grow', async () => {
      const { ref, changeVersion } = await machine();
      const grow = { machine: ref, changeVersion, diskKey: 4_711, capacityBytes: MIB };
      expect(await failure(bed.dc.machines.extend(grow, fence))).toMatchObject({ code: 'vcenter-not-found' });
    });
  });

  describe('inventory', () => {
    test('hosts and datastores are read with their facts', async () => {
      const { hosts, datastores } = await bed.dc.inventory.read(soon());
      expect(hosts.length).toBeGreaterThan(0);
      for (const host of hosts) {
        expect(host).toMatchObject({ connection: 'connected', inMaintenance: false, poweredOn: true });
        expect(host.cpuMhz).toBeGreaterThan(0);
        expect(host.memoryBytes).toBeGreaterThan(0);
      }
      expect(datastores).toContainEqual(expect.objectContaining({ name: bed.datastore, accessible: true }));
    });

    test('a watcher gets the whole inventory at once, and ends with its signal', async () => {
      const watching = new AbortController();
      const read = await bed.dc.inventory.read(soon());
      let sizes: readonly number[] = [];
      await bed.dc.inventory.watch(
        (snapshot) => {
          sizes = [snapshot.hosts.length, snapshot.datastores.length];
          watching.abort();
        },
        AbortSignal.any([watching.signal, soon()]),
      );
      expect(sizes).toEqual([read.hosts.length, read.datastores.length]);
    });

    test('an NFS datastore says where it is exported, others are nowhere', async () => {
      const { datastores } = await bed.dc.inventory.read(soon());
      const shares = await Promise.all(datastores.map(({ name }) => bed.dc.inventory.share(name, soon())));
      const kinds = datastores.map(({ kind }, at) => [kind, shares[at] !== undefined]);
      expect(kinds).toEqual(datastores.map(({ kind }) => [kind, kind === 'NFS']));
      if (program === 'lab') expect(shares).toContainEqual(expect.objectContaining({ path: '/export/nfs-1' }));
      expect(await failure(bed.dc.inventory.share('no-such', soon()))).toMatchObject({ code: 'vcenter-not-found' });
    });

    test('an unknown datastore cluster cannot be recommended in', async () => {
      const recommended = bed.dc.inventory.recommend('no-such-pod', MIB, soon());
      expect(await failure(recommended)).toMatchObject({ code: 'vcenter-not-found' });
    });
  });

  describe('fences', () => {
    test('a claim that is lost right before sending keeps the request from leaving', async () => {
      const lost = testFence({
        assertHeld: () => {
          throw new StowageError('claim-lost', 'another worker has it');
        },
      });
      const sent = bed.proxy.calls.length;
      const create = bed.dc.disks.create(
        { path: bed.path('ports/late.vmdk'), capacityBytes: MIB, format: 'thin' },
        lost,
      );
      expect(await failure(create)).toMatchObject({ code: 'claim-lost' });
      const written = bed.dc.files.write(bed.path('ports/late.json'), new Uint8Array([1]), lost);
      expect(await failure(written)).toMatchObject({ code: 'claim-lost' });
      const methods = bed.proxy.calls.slice(sent).map((call) => call.method);
      expect(methods).not.toContain('CreateVirtualDisk_Task');
      expect(methods).not.toContain('PUT /folder');
      expect(await bed.dc.disks.uuid(bed.path('ports/late.vmdk'), soon())).toBeUndefined();
    });

    test('a claim that is lost while the request waits for a connection keeps it from leaving', async () => {
      const narrow = await bed.connect({ maxConnections: 1 });
      await narrow.ping(soon());
      let isHeld = true;
      const assertHeld = (): void => {
        if (!isHeld) throw new StowageError('claim-lost', 'another worker has it');
      };
      bed.proxy.disturb('QueryVirtualDiskUuid', { type: 'delay', ms: 300 });
      const slow = narrow.disks.uuid(bed.path('ports/none.vmdk'), soon());
      const path = bed.path('ports/queued.vmdk');
      const create = failure(
        narrow.disks.create({ path, capacityBytes: MIB, format: 'thin' }, testFence({ assertHeld })),
      );
      await new Promise((resolve) => setImmediate(resolve));
      isHeld = false;
      await slow;
      expect(await create).toMatchObject({ code: 'claim-lost' });
      expect(await bed.dc.disks.uuid(path, soon())).toBeUndefined();
    });

    test('the holder signal ends a call with its reason', async () => {
      const { ref } = await machine();
      const gone = testFence({ signal: AbortSignal.abort(new StowageError('claim-lost', 'another worker has it')) });
      const detach = bed.dc.machines.detach({ machine: ref, changeVersion: '', diskKey: 1 }, gone);
      expect(await failure(detach)).toMatchObject({ code: 'claim-lost' });
    });
  });

  test('every request that was sent fits the schema, its elements in order', async ({ annotate }) => {
    expect(bed.proxy.calls.filter((call) => call.body !== '').length).toBeGreaterThan(50);
    await expectSoundRequests(bed, annotate);
  });
});
