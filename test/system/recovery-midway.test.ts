import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobId } from '../../core/ids.ts';
import { RecoveryBed } from '../harness/recovery-bed.ts';
import { eventually, untilTaskRuns } from './lab-view.ts';

const HOST = 'esx-1.lab';
const LONG_MS = 600_000;

describe('a host that fails while a job is at its container', { timeout: 300_000 }, () => {
  let bed: RecoveryBed;
  beforeAll(async () => {
    bed = await RecoveryBed.open();
  });
  afterAll(() => bed.close());
  afterEach(async () => {
    await bed.system.lab('POST', '/reset');
    await bed.giveBack(HOST);
    await bed.quiet();
  });

  /** Begins a job, and fails its host while its Task of this method runs. */
  async function failDuring(
    method: string,
    kind: string,
    payload: Parameters<RecoveryBed['succeed']>[1],
  ): Promise<JobId> {
    await bed.system.lab('DELETE', '/tasks');
    const before = await bed.recoveries(HOST);
    await bed.system.lab('POST', '/task-latency', { method, ms: LONG_MS });
    const id = await bed.system.begin(kind, payload);
    await untilTaskRuns(bed.system, method);
    await bed.fail(HOST);
    // The Task fails, or ends, when its time has come.
    await bed.system.lab('DELETE', '/latency');
    await bed.system.lab('POST', '/task-latency', { method, ms: 0 });
    await bed.system.end(await bed.recoveryOf(HOST, before));
    return id;
  }
  const over = async (id: JobId) => bed.system.end(id);
  const volumeOf = async (name: string) => bed.system.volume(`${name}_vol`);

  it.for(['ReconfigVM_Task', 'PowerOnVM_Task', 'PowerOnMultiVM_Task'])(
    'a start, in %s: it runs elsewhere',
    async (method) => {
      const name = `start-${method.toLowerCase().replace('_', '-')}`;
      await bed.containers([name], HOST, { isStarted: false });
      const job = await over(await failDuring(method, 'container.start', { container: name }));
      expect(job).toMatchObject({ state: 'succeeded' });
      await bed.expectRunning(name);
      await bed.expectNothingDeleted();
    },
  );

  it.for(['PowerOffVM_Task', 'ReconfigVM_Task'])(
    'a stop, in %s: it ends as stopped, and holds nothing',
    async (method) => {
      const name = `stop-${method.toLowerCase().replace('_', '-')}`;
      await bed.containers([name], HOST);
      const job = await over(await failDuring(method, 'container.stop', { container: name }));
      expect(job).toMatchObject({ state: 'succeeded' });
      expect(await bed.record(name)).toMatchObject({ state: 'exited', run: { wanted: 'stopped' } });
      expect(await bed.vms(name)).toMatchObject([{ power: 'poweredOff' }]);
      expect(await volumeOf(name)).toMatchObject({ state: 'available', holders: [] });
      await bed.expectNothingDeleted();
    },
  );

  it.for(['PowerOffVM_Task', 'ReconfigVM_Task', 'Destroy_Task'])(
    'a removal, in %s: it is gone, and its volume is not',
    async (method) => {
      const name = `rm-${method.toLowerCase().replace('_', '-')}`;
      await bed.containers([name], HOST);
      const job = await over(await failDuring(method, 'container.remove', { container: name, force: true }));
      expect(job).toMatchObject({ state: 'succeeded' });
      expect(await bed.record(name)).toBeUndefined();
      expect(await bed.vms(name)).toEqual([]);
      expect(await volumeOf(name)).toMatchObject({ state: 'available', holders: [] });
    },
  );

  it('an attach to its machine: the volume is where it was asked to be', async () => {
    await bed.containers(['att'], HOST);
    await bed.succeed('volume.create', { name: 'extra_vol' });
    const id = await failDuring('ReconfigVM_Task', 'volume.attach', { volume: 'extra_vol', machine: 'att' });
    expect(await over(id)).toMatchObject({ state: 'succeeded' });
    await bed.quiet();
    await bed.expectRunning('att');
    const [vm] = await bed.vms('att');
    expect(vm?.devices.filter(({ disk }) => disk?.includes('extra_vol'))).toHaveLength(1);
    expect(await bed.system.volume('extra_vol')).toMatchObject({
      holders: [{ machine: `VirtualMachine:${vm?.moid}` }],
    });
  });

  it('another volume that is attached to its machine goes with it', async () => {
    await bed.containers(['lender'], HOST);
    await bed.succeed('volume.create', { name: 'borrowed_vol' });
    await bed.succeed('volume.attach', { volume: 'borrowed_vol', machine: 'lender' });
    await bed.failAndRecover(HOST);
    await bed.expectRunning('lender');
    const [vm] = await bed.vms('lender');
    expect(await bed.system.volume('borrowed_vol')).toMatchObject({
      holders: [{ machine: `VirtualMachine:${vm?.moid}` }],
    });
  });

  it('a container that is to go with its end is recovered, not removed', async () => {
    await bed.containers(['fleeting'], HOST, { autoRemove: true });
    await bed.failAndRecover(HOST);
    await bed.expectRunning('fleeting');
  });

  it('a container that is stopped is started on another host', async () => {
    await bed.containers(['later'], HOST, { isStarted: false });
    const before = await bed.recoveries(HOST);
    await bed.fail(HOST);
    await bed.system.end(await bed.recoveryOf(HOST, before));
    await bed.succeed('container.start', { container: 'later' });
    await bed.expectRunning('later');
  });

  it('a stop, on a host that is only cut off: it ends when the host is back, and nothing is let go before', async () => {
    await bed.containers(['held'], HOST);
    await bed.system.lab('POST', '/task-latency', { method: 'PowerOffVM_Task', ms: LONG_MS });
    const id = await bed.system.begin('container.stop', { container: 'held' });
    await untilTaskRuns(bed.system, 'PowerOffVM_Task');
    await bed.fail(HOST, 'isolate');
    await bed.system.lab('POST', '/task-latency', { method: 'PowerOffVM_Task', ms: 0 });
    await eventually('the lock to be met', async () => (await bed.record('held'))?.error !== undefined);
    expect((await volumeOf('held'))?.holders).toHaveLength(1);
    await bed.giveBack(HOST);
    expect(await over(id)).toMatchObject({ state: 'succeeded' });
    expect(await bed.record('held')).toMatchObject({ state: 'exited' });
    expect(await bed.vms('held')).toMatchObject([{ power: 'poweredOff' }]);
    expect(await volumeOf('held')).toMatchObject({ state: 'available', holders: [] });
  });

  it('a paused container comes back', async () => {
    await bed.containers(['resting'], HOST);
    await bed.succeed('container.pause', { container: 'resting' });
    expect(await bed.failAndRecover(HOST)).toMatchObject({ result: { lost: 0 } });
    await bed.expectRunning('resting');
  });
});
