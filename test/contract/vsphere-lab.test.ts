import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DatastorePath } from '../../core/ids.ts';
import type { InventorySnapshot, Machine } from '../../core/ports/data-centre.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';

// What only a strict vCenter shows: locks, versions, lost sessions, lost hosts.

const MIB = 1_048_576;
/** Of a Task that runs until the test lets it go. */
const HELD_MS = 600_000;

describe('the vSphere ports on a strict vCenter', () => {
  let bed: TestBed;
  let count = 0;
  const fence = testFence();

  beforeAll(async () => {
    bed = await openTestBed('lab');
    await bed.dc.files.makeDirectory(bed.path('strict'), fence);
  });
  afterEach(() => bed.control('POST', '/reset'));
  afterAll(() => bed.close());

  const newPath = (): DatastorePath => {
    count += 1;
    return bed.path(`strict/${count}.vmdk`);
  };
  const start = (path: DatastorePath) => bed.dc.disks.create({ path, capacityBytes: MIB, format: 'thin' }, fence);
  const slow = (method: string, ms: number): Promise<unknown> => bed.control('POST', '/task-latency', { method, ms });

  async function machine(name: string): Promise<Machine> {
    const found = await bed.dc.machines.find(name, soon());
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  async function attach(name: string, path: DatastorePath, unit: number): Promise<unknown> {
    const { ref, changeVersion, controllers } = await machine(name);
    const slot = { controller: 'existing', controllerKey: controllers[0]?.key ?? 0, unit } as const;
    const mode = 'independent_persistent';
    return done(bed, bed.dc.machines.attach({ machine: ref, changeVersion, path, slot, mode }, fence));
  }

  test('a Task is waited for across a session that was dropped', async () => {
    await slow('CreateVirtualDisk_Task', HELD_MS);
    const ref = await start(newPath());
    const waiting = bed.dc.tasks.wait(ref, { signal: soon() });
    await bed.control('POST', '/sessions/drop');
    await slow('CreateVirtualDisk_Task', 0);
    await waiting;
    await bed.control('POST', '/sessions/drop');
    expect((await bed.dc.inventory.read(soon())).hosts).toHaveLength(3);
    await bed.control('POST', '/sessions/drop');
    expect(await bed.dc.files.list(bed.path('strict'), soon())).toBeDefined();
  });

  test('a file is written and read across a session that was dropped', async () => {
    await bed.control('POST', '/sessions/drop');
    await bed.dc.files.write(bed.path('strict/kept.json'), new Uint8Array([1]), fence);
    await bed.control('POST', '/sessions/drop');
    expect(await bed.dc.files.read(bed.path('strict/kept.json'), soon())).toEqual(Buffer.from([1]));
  });

  test('a Task whose answer was lost is found in flight and joined', async () => {
    await slow('CreateVirtualDisk_Task', HELD_MS);
    await bed.control('DELETE', '/tasks');
    const sinceMs = Date.now();
    await bed.control('POST', '/drops', { method: 'CreateVirtualDisk_Task', when: 'after' });
    const path = newPath();
    expect(await failure(start(path))).toMatchObject({ code: 'vcenter-unreachable' });
    const query = { method: 'CreateVirtualDisk_Task', sinceMs, signal: soon() };
    const [found, ...others] = await bed.dc.tasks.inFlight(query);
    expect(others).toEqual([]);
    expect(await bed.dc.tasks.inFlight({ ...query, method: 'DeleteVirtualDisk_Task' })).toEqual([]);
    expect(await bed.dc.tasks.inFlight({ ...query, sinceMs: sinceMs + 3_600_000 })).toEqual([]);
    if (found === undefined) throw new Error('no Task is in flight');
    await slow('CreateVirtualDisk_Task', 0);
    await bed.dc.tasks.wait(found, { signal: soon() });
    expect(await bed.dc.disks.uuid(path, soon())).toBeDefined();
    expect(await bed.dc.tasks.inFlight(query)).toEqual([]);
    expect(await bed.control('GET', '/tasks?method=CreateVirtualDisk_Task')).toHaveLength(1);
  });

  test('a reconfigure in flight is found by its machine', async () => {
    await slow('ReconfigVM_Task', HELD_MS);
    const path = newPath();
    await done(bed, start(path));
    const attached = attach('lab-vm-3', path, 10);
    const { ref } = await machine('lab-vm-3');
    const query = { method: 'ReconfigVM_Task', sinceMs: Date.now(), signal: soon() };
    await expect.poll(() => bed.dc.tasks.inFlight({ ...query, entity: ref })).toHaveLength(1);
    const { ref: other } = await machine('lab-vm-4');
    expect(await bed.dc.tasks.inFlight({ ...query, entity: other })).toEqual([]);
    await slow('ReconfigVM_Task', 0);
    await attached;
  });

  test('progress is told while a Task runs', async () => {
    // A fifth of it passes before there is any.
    await slow('CreateVirtualDisk_Task', 5_000);
    const told: number[] = [];
    const onProgress = (percent: number): void => void told.push(percent);
    const waiting = bed.dc.tasks.wait(await start(newPath()), { signal: soon(), onProgress });
    await expect.poll(() => told.some((percent) => percent > 0)).toBe(true);
    await slow('CreateVirtualDisk_Task', 0);
    await waiting;
  });

  test('a Task that is cancelled ends so; one that is over cannot be cancelled and that is no error', async () => {
    await slow('CreateVirtualDisk_Task', HELD_MS);
    const ref = await start(newPath());
    const waiting = failure(bed.dc.tasks.wait(ref, { signal: soon() }));
    await bed.dc.tasks.cancel(ref, soon());
    expect(await waiting).toMatchObject({ details: { fault: { type: 'RequestCanceled' } } });
    await bed.dc.tasks.cancel(ref, soon());
  });

  test('a waiter who gives up is let go while the Task goes on', async () => {
    await slow('CreateVirtualDisk_Task', HELD_MS);
    const ref = await start(newPath());
    const gone = bed.dc.tasks.wait(ref, { signal: AbortSignal.timeout(50) });
    expect(await failure(gone)).toMatchObject({ code: 'deadline-exceeded' });
    await slow('CreateVirtualDisk_Task', 0);
    await bed.dc.tasks.wait(ref, { signal: soon() });
  });

  test.each([
    ['FileLocked', 'file-locked'],
    ['TaskInProgress', 'vcenter-busy'],
    ['NoPermission', 'vcenter-no-permission'],
    ['InvalidArgument', 'vcenter-invalid'],
    ['NoDiskSpace', 'store-full'],
  ] as const)('a Task that fails with %s says so', async (fault, code) => {
    await bed.control('POST', '/faults', { method: 'CreateVirtualDisk_Task', fault });
    expect(await failure(done(bed, start(newPath())))).toMatchObject({ code, details: { fault: { type: fault } } });
  });

  test('a disk in use by a running machine is locked for another', async () => {
    const path = newPath();
    await done(bed, start(path));
    await attach('lab-vm-1', path, 11);
    const error = await failure(attach('lab-vm-2', path, 11));
    expect(error.code).toBe('file-locked');
    expect(error.details.fault?.type).toBeDefined();
    expect(await failure(done(bed, bed.dc.disks.remove(path, fence)))).toMatchObject({ kind: 'unavailable' });
    const holders = await bed.dc.machines.findByDisk({ paths: [path] }, soon());
    expect(holders.map((holder) => holder.name)).toEqual(['lab-vm-1']);
  });

  test('a reconfigure from an old view of the machine is a conflict', async () => {
    const [one, two] = [newPath(), newPath()];
    await done(bed, start(one));
    await done(bed, start(two));
    const { ref, changeVersion, controllers } = await machine('lab-vm-2');
    const controllerKey = controllers[0]?.key ?? 0;
    const add = (path: DatastorePath, unit: number) =>
      done(
        bed,
        bed.dc.machines.attach(
          {
            machine: ref,
            changeVersion,
            path,
            slot: { controller: 'existing', controllerKey, unit },
            mode: 'independent_persistent',
          },
          fence,
        ),
      );
    await add(one, 12);
    expect(await failure(add(two, 13))).toMatchObject({ code: 'vcenter-conflict' });
  });

  test('Storage DRS recommends a datastore of the cluster, and none when nothing fits', async () => {
    expect(await bed.dc.inventory.recommend('pod-1', MIB, soon())).toMatch(/^pod-ds-[12]$/);
    const tooMuch = bed.dc.inventory.recommend('pod-1', 40 * 1_024 * 1_024 * MIB, soon());
    expect(await failure(tooMuch)).toMatchObject({ code: 'store-full' });
  });

  test('without Storage DRS the member with the most free space is taken', async () => {
    for (const fault of ['InvalidArgument', 'NotSupported']) {
      bed.proxy.disturb('RecommendDatastores', { type: 'fault', fault });
      const { datastores } = await bed.dc.inventory.read(soon());
      const most = Math.max(...datastores.filter(({ pod }) => pod === 'pod-1').map(({ freeBytes }) => freeBytes));
      const name = await bed.dc.inventory.recommend('pod-1', MIB, soon());
      expect(datastores.find((datastore) => datastore.name === name)).toMatchObject({ pod: 'pod-1', freeBytes: most });
    }
    bed.proxy.disturb('RecommendDatastores', { type: 'fault', fault: 'NotSupported' });
    const tooMuch = bed.dc.inventory.recommend('pod-1', 40 * 1_024 * 1_024 * MIB, soon());
    expect(await failure(tooMuch)).toMatchObject({ code: 'store-full' });
  });

  test('a watcher sees a host go and come back, also across a lost session', async () => {
    const watching = new AbortController();
    const seen: InventorySnapshot[] = [];
    const latest = (): unknown => seen.at(-1)?.hosts.find((host) => host.name === 'esx-3.lab')?.connection;
    const signal = AbortSignal.any([watching.signal, soon()]);
    const watch = bed.dc.inventory.watch((snapshot) => void seen.push(snapshot), signal);
    await expect.poll(latest).toBe('connected');
    expect(seen.at(-1)?.hosts[0]?.cluster).toBe('lab-cluster');
    expect(seen.at(-1)?.datastores.find((datastore) => datastore.name === 'pod-ds-1')?.pod).toBe('pod-1');
    await bed.control('POST', '/hosts/esx-3.lab/fail', { mode: 'crash' });
    await expect.poll(latest).toBe('not-responding');
    await bed.control('POST', '/sessions/drop');
    await bed.control('POST', '/hosts/esx-3.lab/return');
    await expect.poll(latest).toBe('connected');
    watching.abort();
    await watch;
  });

  test('a Task is watched beside the inventory', async () => {
    const watching = new AbortController();
    const other = await bed.connect();
    let snapshots = 0;
    await slow('CreateVirtualDisk_Task', HELD_MS);
    const task = await other.disks.create({ path: newPath(), capacityBytes: MIB, format: 'thin' }, fence);
    const waiting = other.tasks.wait(task, { signal: soon() });
    const watch = other.inventory.watch(
      () => {
        snapshots += 1;
      },
      AbortSignal.any([watching.signal, soon()]),
    );
    await expect.poll(() => snapshots).toBeGreaterThan(0);
    await slow('CreateVirtualDisk_Task', 0);
    await waiting;
    watching.abort();
    await watch;
  });

  test('closing ends the session and those who still wait', async () => {
    const other = await bed.connect();
    await slow('CreateVirtualDisk_Task', HELD_MS);
    const task = await other.disks.create({ path: newPath(), capacityBytes: MIB, format: 'thin' }, fence);
    const waiting = failure(other.tasks.wait(task, { signal: soon() }));
    await other.close();
    expect(await waiting).toMatchObject({ code: 'vcenter-unreachable' });
    expect(await failure(other.ping(soon()))).toMatchObject({ code: 'vcenter-unreachable' });
  });
});
