import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecoveryBed } from '../harness/recovery-bed.ts';
import { eventually } from './lab-view.ts';

const NAMES = ['i1', 'i2', 'i3'];
const HOST = 'esx-1.lab';

describe('a host that is cut off, and whose machines run on', { timeout: 300_000 }, () => {
  let bed: RecoveryBed;
  beforeAll(async () => {
    bed = await RecoveryBed.open();
    await bed.containers(NAMES, HOST);
  });
  afterAll(() => bed.close());

  /** The record says that a lock is waited for. */
  async function untilLocked(): Promise<void> {
    await eventually('all to wait for the lock', async () => {
      const records = await Promise.all(NAMES.map((name) => bed.record(name)));
      return records.every((record) => record?.state === 'recovering' && /held open|lock/i.test(record.error ?? ''))
        ? true
        : undefined;
    });
  }
  const started = async (): Promise<number> => {
    const tasks = (await bed.system.lab('GET', '/tasks?method=PowerOnVM_Task')) as readonly {
      readonly state: string;
    }[];
    return tasks.filter(({ state }) => state === 'success').length;
  };

  it('keeps them: nothing is started twice, and each is adopted where it runs when the host is back', async () => {
    await bed.system.lab('DELETE', '/tasks');
    const before = await bed.recoveries(HOST);
    await bed.fail(HOST, 'isolate');
    const recovery = await bed.recoveryOf(HOST, before);
    await untilLocked();
    expect(await started()).toBe(0);
    await bed.giveBack(HOST);
    expect(await bed.system.end(recovery)).toMatchObject({ state: 'succeeded', result: { recovered: 3, lost: 0 } });
    await bed.quiet();
    expect(await started()).toBe(0);
    for (const name of NAMES) {
      await bed.expectRunning(name);
      expect((await bed.vms(name))[0]?.host).toBe(HOST);
      expect((await bed.record(name))?.error).toBeUndefined();
    }
    await bed.expectNothingDeleted();
  });

  it('loses them to another host when it dies after all', async () => {
    const before = await bed.recoveries(HOST);
    await bed.fail(HOST, 'isolate');
    const recovery = await bed.recoveryOf(HOST, before);
    await untilLocked();
    await bed.fail(HOST, 'crash');
    expect(await bed.system.end(recovery)).toMatchObject({ state: 'succeeded', result: { recovered: 3, lost: 0 } });
    for (const name of NAMES) await bed.expectRunning(name);
    await bed.giveBack(HOST);
    await bed.quiet();
    for (const name of NAMES) await bed.expectRunning(name);
    await bed.expectNothingDeleted();
  });

  it('the same with vSphere HA on, which does not get the lock either', async () => {
    await bed.ha(true);
    const host = (await bed.vms('i1'))[0]?.host ?? '';
    const before = await bed.recoveries(host);
    await bed.system.lab('DELETE', '/tasks');
    await bed.fail(host, 'isolate');
    const recovery = await bed.recoveryOf(host, before);
    await eventually('the lock to be met', async () =>
      (await bed.record('i1'))?.error === undefined ? undefined : true,
    );
    await bed.giveBack(host);
    expect(await bed.system.end(recovery)).toMatchObject({ state: 'succeeded', result: { lost: 0 } });
    await bed.quiet();
    expect(await started()).toBe(0);
    for (const name of NAMES) await bed.expectRunning(name);
    await bed.ha(false);
  });
});

describe('a host that comes and goes', { timeout: 300_000 }, () => {
  let bed: RecoveryBed;
  beforeAll(async () => {
    bed = await RecoveryBed.open();
    await bed.containers(NAMES, HOST);
    await bed.system.lab('DELETE', '/tasks');
  });
  afterAll(() => bed.close());

  it('back within the grace, having crashed: what it left off is started', async () => {
    await bed.fail(HOST);
    // Seen by the watcher; a loss that nobody saw is told by the machines that are off.
    await eventually('the loss to be seen', async () => {
      const record = await bed.system.store.records.read('host', HOST);
      return record?.record.connection === 'not-responding' ? true : undefined;
    });
    await bed.giveBack(HOST);
    await eventually('all to run', async () => {
      const vms = (await Promise.all(NAMES.map((name) => bed.vms(name)))).flat();
      return vms.every(({ power }) => power === 'poweredOn') ? true : undefined;
    });
    await bed.quiet();
    for (const name of NAMES) await bed.expectRunning(name);
  });

  it.for(['crash', 'isolate'] as const)('flaps by %s: in the end each runs once', async (mode) => {
    for (const pauseMs of [0, 350, 700, 150, 500]) {
      const host = (await bed.vms('i1'))[0]?.host ?? HOST;
      await bed.fail(host, mode);
      await new Promise((wake) => setTimeout(wake, pauseMs));
      await bed.giveBack(host);
    }
    await eventually('all to run', async () => {
      const vms = (await Promise.all(NAMES.map((name) => bed.vms(name)))).flat();
      return vms.length === NAMES.length && vms.every(({ power }) => power === 'poweredOn') ? true : undefined;
    });
    await bed.quiet();
    for (const name of NAMES) await bed.expectRunning(name);
    await bed.expectNothingDeleted();
  });

  it('no host is left: each is reported with the reason, and comes back with a host', async () => {
    const hosts = (await bed.hosts()).map(({ name }) => name);
    for (const host of hosts) await bed.fail(host);
    await eventually('all to be given up', async () => {
      const records = await Promise.all(NAMES.map((name) => bed.record(name)));
      return records.every((record) => record?.state === 'dead' && record.error?.startsWith('hosts-full'))
        ? true
        : undefined;
    });
    await bed.quiet();
    const dead = await bed.system.store.jobs.list({ kind: 'container.recover', state: 'dead' }, { limit: 100 });
    expect(dead.items.length).toBeGreaterThanOrEqual(3);
    expect(new Set(dead.items.map(({ error }) => error?.code))).toEqual(new Set(['hosts-full']));
    for (const host of hosts) await bed.giveBack(host);
    await eventually('all to run', async () => {
      const records = await Promise.all(NAMES.map((name) => bed.record(name)));
      return records.every((record) => record?.state === 'running') ? true : undefined;
    });
    await bed.quiet();
    for (const name of NAMES) await bed.expectRunning(name);
    await bed.expectNothingDeleted();
  });
});
