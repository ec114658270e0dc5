import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { moref, splitMoref } from '../../core/ids.ts';
import { connectDataCentre } from '../../vsphere/connect.ts';
import { RecoveryBed } from '../harness/recovery-bed.ts';
import { eventually, tasksOf } from './lab-view.ts';

/** What nobody does by Stowage, and so no port can. */
async function switchDrsOff({ system }: RecoveryBed): Promise<void> {
  const { url, user, password } = system.vcenter;
  const logger = pino({ level: 'silent' });
  const dataCentre = await connectDataCentre({ url, user, password, trust: 'system', logger });
  const [cluster] = await dataCentre.estates.clusters(AbortSignal.timeout(30_000));
  await dataCentre.close();
  const send = async (cookie: string, body: string): Promise<string> => {
    const headers = { 'content-type': 'text/xml', soapaction: 'urn:vim25/8.0', cookie };
    const envelope = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>${body}</Body></Envelope>`;
    const response = await fetch(url, { method: 'POST', headers, body: envelope });
    if (!response.ok) throw new Error(await response.text());
    return response.headers.get('set-cookie')?.split(';')[0] ?? '';
  };
  const cookie = await send(
    '',
    `<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>${user}</userName><password>${password}</password></Login>`,
  );
  const ref = splitMoref(cluster?.ref ?? moref('ClusterComputeResource', '')).value;
  await send(
    cookie,
    `<ReconfigureComputeResource_Task xmlns="urn:vim25"><_this type="ClusterComputeResource">${ref}</_this><spec xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="ClusterConfigSpecEx"><drsConfig><enabled>false</enabled></drsConfig></spec><modify>true</modify></ReconfigureComputeResource_Task>`,
  );
  await eventually('DRS to be off', async () => {
    const again = await connectDataCentre({ url, user, password, trust: 'system', logger });
    const [found] = await again.estates.clusters(AbortSignal.timeout(30_000));
    await again.close();
    return found?.drs === false;
  });
}

const NAMES = ['d1', 'd2', 'd3'];
const HOST = 'esx-2.lab';

describe('a host that is drained', { timeout: 300_000 }, () => {
  let bed: RecoveryBed;
  beforeAll(async () => {
    bed = await RecoveryBed.open();
    await bed.containers(NAMES, HOST);
    await bed.containers(['off'], HOST, { isStarted: false });
  });
  afterAll(() => bed.close());

  it('is in maintenance then, and its containers run on others without a stop', async () => {
    await bed.system.lab('DELETE', '/tasks');
    const job = await bed.succeed('host.drain', { host: HOST });
    expect(job.result).toMatchObject({ host: HOST, drained: true });
    for (const name of NAMES) {
      await bed.expectRunning(name);
      expect((await bed.vms(name))[0]?.host).not.toBe(HOST);
    }
    const tasks = (await bed.system.lab('GET', '/tasks')) as readonly { readonly method: string }[];
    expect(tasks.filter(({ method }) => method.startsWith('Power'))).toEqual([]);
    expect((await bed.succeed('host.drain', { host: HOST })).result).toMatchObject({ drained: false });
    expect((await bed.succeed('host.undrain', { host: HOST })).result).toMatchObject({ undrained: true });
    expect((await bed.succeed('host.undrain', { host: HOST })).result).toMatchObject({ undrained: false });
  });

  it('without DRS, its containers are moved by Stowage', async () => {
    await bed.containers(['d4', 'd5'], HOST);
    await switchDrsOff(bed);
    await bed.system.lab('DELETE', '/tasks');
    // Machines that are no container's are not moved.
    for (const vm of ['lab-vm-1', 'lab-vm-2']) await bed.system.lab('POST', `/vms/${vm}/power`, { on: false });
    const host = (await bed.vms('d4'))[0]?.host ?? '';
    const job = await bed.succeed('host.drain', { host });
    expect(job.result).toMatchObject({ drained: true });
    expect((await tasksOf(bed.system, 'RelocateVM_Task')).every(({ state }) => state === 'success')).toBe(true);
    for (const name of ['d4', 'd5']) {
      await bed.expectRunning(name);
      expect((await bed.vms(name))[0]?.host).not.toBe(host);
    }
    await bed.succeed('host.undrain', { host });
  });

  it('a host that is lost, or is none, is refused', async () => {
    await expect(bed.system.begin('host.drain', { host: 'esx-9.lab' })).rejects.toMatchObject({
      code: 'host-not-found',
    });
  });
});
