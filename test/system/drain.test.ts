import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RecoveryBed } from '../harness/recovery-bed.ts';

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

  it('a host that is lost, or is none, is refused', async () => {
    await expect(bed.system.begin('host.drain', { host: 'esx-9.lab' })).rejects.toMatchObject({
      code: 'host-not-found',
    });
  });
});
