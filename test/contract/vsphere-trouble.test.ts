import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../core/error-codes.ts';
import { StowageError } from '../../core/errors.ts';
import { type TaskRef, taskRef } from '../../core/ids.ts';
import { done, failure, openTestBed, soon, type TestBed, testFence } from '../harness/data-centre.ts';

const MIB = 1_048_576;

describe.each(['lab', 'stock'] as const)('trouble on the way to the %s vCenter', (program) => {
  let bed: TestBed;
  let count = 0;
  const fence = testFence();
  const create = (): Promise<TaskRef> => {
    count += 1;
    return bed.dc.disks.create({ path: bed.path(`trouble/${count}.vmdk`), capacityBytes: MIB, format: 'thin' }, fence);
  };
  const callsOf = (method: string): number => bed.proxy.calls.filter((call) => call.method === method).length;

  beforeAll(async () => {
    bed = await openTestBed(program);
    await bed.dc.files.makeDirectory(bed.path('trouble'), fence);
  });
  afterAll(() => bed.close());

  test('a read whose connection is cut is sent a second time', async () => {
    for (const type of ['cut-before', 'cut-after'] as const) {
      bed.proxy.disturb('RetrievePropertiesEx', { type });
      expect((await bed.dc.inventory.read(soon())).hosts.length).toBeGreaterThan(0);
    }
  });

  test('a change whose connection is cut is sent once, and says that vCenter did not answer', async () => {
    const before = callsOf('CreateVirtualDisk_Task');
    bed.proxy.disturb('CreateVirtualDisk_Task', { type: 'cut-before' });
    expect(await failure(create())).toMatchObject({ code: 'vcenter-unreachable', wasSent: true });
    expect(callsOf('CreateVirtualDisk_Task')).toBe(before + 1);
  });

  test('a session that vCenter no longer knows is opened again once, for all who miss it', async () => {
    const logins = callsOf('Login');
    bed.proxy.disturb('QueryVirtualDiskUuid', { type: 'fault', fault: 'NotAuthenticated' }, 8);
    const all = Array.from({ length: 8 }, () => bed.dc.disks.uuid(bed.path('trouble/none.vmdk'), soon()));
    expect(await Promise.all(all)).toEqual(Array.from({ length: 8 }, () => undefined));
    expect(callsOf('Login')).toBe(logins + 1);
  });

  test('a change that was refused for want of a session is done after the login', async () => {
    bed.proxy.disturb('CreateVirtualDisk_Task', { type: 'fault', fault: 'NotAuthenticated' });
    await done(bed, create());
  });

  test('the collector lives through lost sessions, cut and garbled polls', async () => {
    for (const mischief of [
      { type: 'fault', fault: 'NotAuthenticated' },
      { type: 'fault', fault: 'ManagedObjectNotFound', detail: '<obj type="PropertyCollector">x</obj>' },
      { type: 'cut-after' },
      { type: 'empty' },
      { type: 'unavailable' },
    ] as const) {
      bed.proxy.disturb('WaitForUpdatesEx', mischief);
      await done(bed, create());
      bed.proxy.disturb('ModifyListView', mischief);
      await done(bed, create());
    }
  });

  test.each([
    ['empty', 'vcenter-garbled'],
    ['truncate', 'vcenter-garbled'],
    ['html', 'vcenter-garbled'],
    ['unavailable', 'vcenter-unreachable'],
  ] as const)('an answer that is %s is %s', async (type, code) => {
    bed.proxy.disturb('CreateVirtualDisk_Task', { type });
    expect(await failure(create())).toMatchObject({ code });
  });

  test.each<readonly [string, string, ErrorCode]>([
    [
      'NoPermission',
      '<object type="Datastore">datastore-7</object><privilegeId>Datastore.FileManagement</privilegeId>',
      'vcenter-no-permission',
    ],
    ['FileLocked', '<file>[ds] a.vmdk</file>', 'file-locked'],
    ['TaskInProgress', '<task type="Task">task-3</task>', 'vcenter-busy'],
    ['ConcurrentAccess', '', 'vcenter-conflict'],
    ['InvalidDatastorePath', '<datastorePath>x</datastorePath>', 'vcenter-invalid'],
    ['NoDiskSpace', '<datastore>ds</datastore>', 'store-full'],
    ['GenericVmConfigFault', '<faultMessage><key>msg.fileio.lock</key></faultMessage>', 'file-locked'],
    ['SomethingOfNextYear', '<why>because</why>', 'vcenter-fault'],
  ])('the fault %s is known by its type', async (fault, detail, code) => {
    bed.proxy.disturb('CreateVirtualDisk_Task', { type: 'fault', fault, detail });
    const error = await failure(create());
    expect(error).toMatchObject({ code, details: { fault: { type: fault, message: 'said by the proxy' } } });
    if (fault === 'NoPermission') {
      expect(error.message).toContain('needs the privilege Datastore.FileManagement on Datastore:datastore-7');
    }
    if (fault === 'SomethingOfNextYear') expect(error.details.fault?.detail).toEqual({ why: 'because' });
  });

  test('an answer that does not come in time is no answer', async () => {
    const impatient = await bed.connect({ callTimeoutMs: 2_000 });
    await impatient.ping(soon());
    bed.proxy.disturb('QueryVirtualDiskUuid', { type: 'delay', ms: 30_000 });
    const asked = impatient.disks.uuid(bed.path('trouble/none.vmdk'), soon());
    expect(await failure(asked)).toMatchObject({ code: 'vcenter-unreachable' });
  });

  test('a caller who gives up is let go at once, with the reason', async () => {
    bed.proxy.disturb('QueryVirtualDiskUuid', { type: 'delay', ms: 30_000 });
    const caller = new AbortController();
    const asked = bed.dc.disks.uuid(bed.path('trouble/none.vmdk'), caller.signal);
    setImmediate(() => caller.abort(new StowageError('job-cancelled', 'not wanted any more')));
    expect(await failure(asked)).toMatchObject({ code: 'job-cancelled', message: 'not wanted any more' });
    const late = bed.dc.disks.uuid(bed.path('trouble/none.vmdk'), AbortSignal.timeout(0));
    expect(await failure(late)).toMatchObject({ code: 'deadline-exceeded' });
  });

  test('a Task that vCenter does not know is not found', async () => {
    const waiting = bed.dc.tasks.wait(taskRef('task-987654'), { signal: soon() });
    expect(await failure(waiting)).toMatchObject({ code: 'vcenter-not-found' });
  });

  test('a Task that is over can be waited for, again and by several', async () => {
    const ref = await create();
    const wait = (): Promise<unknown> => bed.dc.tasks.wait(ref, { signal: soon() });
    const [first, second] = await Promise.all([wait(), wait()]);
    expect(second).toEqual(first);
    expect(await wait()).toEqual(first);
  });

  test('twenty Tasks at once are watched by one collector', async () => {
    const other = await bed.connect();
    const before = callsOf('CreatePropertyCollector');
    const listed = callsOf('ModifyListView');
    const one = async (n: number): Promise<unknown> => {
      const path = bed.path(`trouble/many-${n}.vmdk`);
      return other.tasks.wait(await other.disks.create({ path, capacityBytes: MIB, format: 'thin' }, fence), {
        signal: soon(),
      });
    };
    await Promise.all(Array.from({ length: 20 }, (_, n) => one(n)));
    expect(callsOf('CreatePropertyCollector')).toBe(before + 1);
    expect(callsOf('ModifyListView') - listed).toBeLessThanOrEqual(20);
  });

  test('a wrong password is refused, and not tried again at once', async () => {
    const other = await bed.connect({ password: 'not-the-password' });
    const before = callsOf('Login');
    bed.proxy.disturb('Login', { type: 'fault', fault: 'InvalidLogin' }, 5);
    expect(await failure(other.ping(soon()))).toMatchObject({ code: 'vcenter-login-refused' });
    expect(await failure(other.ping(soon()))).toMatchObject({ code: 'vcenter-login-refused' });
    expect(callsOf('Login')).toBe(before + 1);
    for (let left = 4; left > 0; left -= 1)
      await fetch(bed.proxy.url, { method: 'POST', body: '<Body><Login/></Body>' });
  });

  test('a vCenter that is away is found out by ping, not by connecting', async () => {
    const nobody = await bed.connect({ url: 'http://127.0.0.1:9/sdk' });
    expect(await failure(nobody.ping(soon()))).toMatchObject({ code: 'vcenter-unreachable', wasSent: false });
  });

  describe('secrets', () => {
    const dump = (error: unknown): string =>
      [inspect(error, { depth: Infinity, showHidden: true }), JSON.stringify(error), String(error)].join('\n');
    const errors: unknown[] = [];
    afterEach(() => {
      expect(errors.length).toBeGreaterThan(0);
      for (const shown of [...errors.map(dump), bed.log(), inspect(bed.dc, { depth: Infinity, showHidden: true })]) {
        expect(shown).not.toContain(bed.vcenter.password);
        expect(shown).not.toContain('vmware_soap_session');
      }
      errors.length = 0;
    });

    test('no error of a login shows the password', async () => {
      for (const mischief of [
        { type: 'cut-after' },
        { type: 'cut-before' },
        { type: 'empty' },
        { type: 'truncate' },
        { type: 'html' },
        { type: 'unavailable' },
        { type: 'fault', fault: 'InvalidLogin' },
      ] as const) {
        const other = await bed.connect();
        bed.proxy.disturb('Login', mischief);
        errors.push(await failure(other.ping(soon())));
      }
    });

    test('no error of a call shows the session', async () => {
      for (const type of ['cut-after', 'empty', 'truncate', 'html'] as const) {
        bed.proxy.disturb('CreateVirtualDisk_Task', { type });
        errors.push(await failure(create()));
      }
      bed.proxy.disturb('PUT /folder', { type: 'cut-after' });
      errors.push(await failure(bed.dc.files.write(bed.path('trouble/x'), new Uint8Array([1]), fence)));
    });
  });
});
