import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ContainerSystem, startContainerSystem } from '../harness/container-system.ts';
import type { LabDevice, LabDisk, LabMachine } from './lab-view.ts';

const COUNT = 500;

describe('five hundred containers, made at once by four workers', () => {
  let system: ContainerSystem;
  beforeAll(async () => {
    system = await startContainerSystem({ workers: 4 });
  });
  afterAll(() => system.close());

  const machines = async (): Promise<readonly LabMachine[]> =>
    ((await system.lab('GET', '/vms')) as readonly LabMachine[]).filter(({ vmx }) => vmx.includes('/containers/'));
  const distinct = (values: readonly unknown[]): number => new Set(values).size;

  it('no name, uuid or machine is given twice, every slot has one device, every volume one holder', async () => {
    const mounts = [{ destination: '/v', options: { Capacity: '8MiB' } }];
    // Half of them are given a name, half make one up.
    const ids = await Promise.all(
      Array.from({ length: COUNT }, async (_, at) => {
        const named = at % 2 === 0 ? { name: `many-${at}` } : {};
        const { id } = await system.succeed('container.create', { image: 'busybox', mounts, ...named });
        if (typeof id !== 'string') throw new Error('a creation tells the id');
        await system.succeed('container.start', { container: id });
        return id;
      }),
    );
    const records = await Promise.all(ids.map((id) => system.record(id)));
    expect(distinct(ids)).toBe(COUNT);
    expect(distinct(records.map((record) => record?.called))).toBe(COUNT);
    expect(distinct(records.map((record) => record?.machine?.uuid))).toBe(COUNT);
    expect(distinct(records.map((record) => record?.machine?.ref))).toBe(COUNT);
    expect(records.filter((record) => record?.state !== 'running')).toEqual([]);

    const all = await machines();
    expect(all).toHaveLength(COUNT);
    expect(distinct(all.map(({ name }) => name))).toBe(COUNT);
    expect(distinct(all.map(({ uuid }) => uuid))).toBe(COUNT);
    for (const { name, devices } of all) {
      const onController = devices.filter(
        ({ controllerKey, unit }) => controllerKey !== undefined && unit !== undefined,
      );
      const slot = ({ controllerKey, unit }: LabDevice): string => `${controllerKey}:${unit}`;
      expect(distinct(onController.map(slot)), name).toBe(onController.length);
    }
    const volumes = records.flatMap((record) => (record?.spec.mounts ?? []).map(({ volume }) => volume));
    expect(distinct(volumes)).toBe(COUNT);
    const disks = (await system.lab('GET', '/disks')) as readonly LabDisk[];
    const attached = new Map(disks.map(({ path, attachments }) => [path.split('/').at(-1), attachments.length]));
    expect(volumes.filter((volume) => attached.get(`${volume}.vmdk`) !== 1)).toEqual([]);
  });
});
