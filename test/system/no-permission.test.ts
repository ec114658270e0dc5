import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SoapProxy, startSoapProxy } from '../harness/soap-proxy.ts';
import { startSystem, type System } from '../harness/system.ts';
import { countTasks, filesWith } from './lab-view.ts';

// vCenter checks privileges when it is called; the fault then says which privilege lacks on which object.

describe('an account without a privilege', () => {
  let system: System;
  let proxy: SoapProxy;
  beforeAll(async () => {
    system = await startSystem({ workers: 0 });
    proxy = await startSoapProxy({ target: system.vcenter.url });
    await system.startWorker({ env: { VCENTER_URL: proxy.url } });
  });
  afterAll(async () => {
    await system.close();
    await proxy.close();
  });

  it('one attempt, a dead letter that names privilege and object, and no files left', async () => {
    const detail = '<object type="Datastore">datastore-201</object><privilegeId>Datastore.FileManagement</privilegeId>';
    proxy.disturb('CreateVirtualDisk_Task', { type: 'fault', fault: 'NoPermission', detail });
    const job = await system.run('volume.create', { name: 'poor_vol' });
    expect(job).toMatchObject({ state: 'dead', error: { code: 'vcenter-no-permission', kind: 'forbidden' } });
    expect(job.attempts).toHaveLength(1);
    expect(job.error?.message).toContain('Datastore.FileManagement');
    expect(job.error?.message).toContain('datastore-201');
    expect(job.steps.find((step) => step.name === 'directory')?.state).toBe('undone');
    expect(await countTasks(system, 'CreateVirtualDisk_Task', 'poor_vol')).toBe(0);
    expect(await filesWith(system, 'poor_vol')).toEqual([]);
    expect(await system.volume('poor_vol')).toBeUndefined();
  });
});
