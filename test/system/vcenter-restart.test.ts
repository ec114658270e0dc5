import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, JsonObject } from '../../core/job.ts';
import { startSystem, type System } from '../harness/system.ts';
import { type RunningVcenter, startVcenter } from '../harness/vcenter.ts';
import { devicesWith, disksOf, filesWith, untilTaskRuns } from './lab-view.ts';

describe('vCenter restarts while a job runs, and forgets its Task', { timeout: 180_000 }, () => {
  let system: System;
  let directory: string;
  let running: RunningVcenter;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'stowage-vcenter-'));
    system = await startSystem({ vcenter: { directory } });
    running = system.vcenter;
  });
  afterAll(async () => {
    await system.close();
    await running.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** Begins a job, and restarts vCenter while its Task of this method runs. */
  async function restartDuring(method: string, kind: string, payload: JsonObject): Promise<Job> {
    await system.lab('POST', '/task-latency', { method, ms: 600_000 });
    const id = await system.begin(kind, payload);
    await untilTaskRuns(system, method);
    await running.stop();
    running = await startVcenter('lab', { directory, args: ['-listen', new URL(system.vcenter.url).host] });
    return system.end(id);
  }
  const outcomes = (job: Job): readonly (string | undefined)[] =>
    job.steps.flatMap((step) => step.tasks.map((task) => task.outcome));

  it('a creation ends as it should, with one disk', async () => {
    expect(await system.run('volume.create', { name: 'older_vol' })).toMatchObject({ state: 'succeeded' });
    const job = await restartDuring('CreateVirtualDisk_Task', 'volume.create', { name: 'restart_vol' });
    expect(job).toMatchObject({ state: 'succeeded', result: { created: true } });
    expect(outcomes(job)).toEqual(['unknown', 'success']);
    expect((await disksOf(system, 'restart_vol')).map((disk) => disk.path)).toHaveLength(1);
    expect((await disksOf(system, 'older_vol')).map((disk) => disk.path)).toHaveLength(1);
  });

  it('an attach has one device', async () => {
    const payload = { volume: 'restart_vol', machine: 'lab-vm-1' };
    const job = await restartDuring('ReconfigVM_Task', 'volume.attach', payload);
    expect(job).toMatchObject({ state: 'succeeded', result: { machineName: 'lab-vm-1' } });
    expect(outcomes(job)).toEqual(['unknown', 'success']);
    expect(await devicesWith(system, 'restart_vol')).toHaveLength(1);
  });

  it('a removal does not take the forgotten Task for a deleted disk', async () => {
    const job = await restartDuring('DeleteVirtualDisk_Task', 'volume.remove', { name: 'older_vol' });
    expect(job).toMatchObject({ state: 'succeeded' });
    expect(outcomes(job).slice(0, 2)).toEqual(['unknown', 'success']);
    expect(await filesWith(system, 'older_vol')).toEqual([]);
  });
});
