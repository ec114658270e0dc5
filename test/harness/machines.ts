import { type DatastorePath, type MachineUuid, type Moref, parseMachineUuid } from '../../core/ids.ts';
import type { Estate } from '../../core/ports/estate.ts';
import type { Machine, MachineSpec } from '../../core/ports/machines.ts';
import { done, soon, type TestBed, testFence } from './data-centre.ts';

const MIB = 1_048_576;

/** Machines as containers have them, in a folder and pool of a test's own. */
export interface MachineBed {
  readonly estate: Estate;
  /** A container's machine without layers; the name is also that of its home. */
  spec(name: string, overrides?: Partial<MachineSpec>): MachineSpec;
  create(name: string, overrides?: Partial<MachineSpec>): Promise<Machine>;
  /** Disks that are there, to be attached. */
  disks(prefix: string, count: number): Promise<readonly DatastorePath[]>;
  read(ref: Moref): Promise<Machine>;
  start(machine: Moref, host?: Moref): Promise<void>;
  /** Attaches to controller 0, that must be there. */
  attach(machine: Moref, path: DatastorePath, unit: number): Promise<void>;
  hostNamed(name: string): Promise<Moref>;
}

/** A uuid by chance of the name: the same for the same one. */
export function uuidOf(name: string): MachineUuid {
  const hex = Buffer.from(name).toString('hex').padStart(32, '0').slice(-32);
  const uuid = parseMachineUuid(hex);
  if (uuid === undefined) throw new Error(`no uuid in ${name}`);
  return uuid;
}

export async function openMachineBed(bed: TestBed, root: string): Promise<MachineBed> {
  const fence = testFence();
  const [cluster] = (await bed.dc.estates.clusters(soon())).filter((each) => each.hosts.length > 1);
  if (cluster === undefined) throw new Error('there is no cluster');
  const names = { folder: root, pool: root, cluster: cluster.name };
  const estate = await bed.dc.estates.ensure(names, fence);
  await bed.dc.files.makeDirectory(bed.path(`${root}/disks`), fence);

  const spec = (name: string, overrides: Partial<MachineSpec> = {}): MachineSpec => ({
    name,
    uuid: uuidOf(name),
    vmxPath: bed.path(`${root}/${name}/${name}.vmx`),
    folder: estate.folder,
    pool: estate.pool,
    cpus: 1,
    memoryMib: 64,
    layers: [],
    scratch: { path: bed.path(`${root}/${name}/scratch.vmdk`), capacityBytes: 16 * MIB },
    extraConfig: { 'guestinfo.stowage.id': name },
    ...overrides,
  });

  const read = async (ref: Moref): Promise<Machine> => {
    const found = await bed.dc.machines.find(ref, soon());
    if (found === undefined) throw new Error(`there is no ${ref}`);
    return found;
  };

  return {
    estate,
    spec,
    read,

    async create(name, overrides) {
      const result = await done(bed, bed.dc.machines.create(spec(name, overrides), fence));
      return read(bed.dc.machines.createdMachine(result));
    },

    async disks(prefix, count) {
      const paths = Array.from({ length: count }, (_, n) => bed.path(`${root}/disks/${prefix}-${n}.vmdk`));
      const create = (path: DatastorePath) => bed.dc.disks.create({ path, capacityBytes: MIB, format: 'thin' }, fence);
      await Promise.all(paths.map((path) => done(bed, create(path))));
      return paths;
    },

    async start(machine, host) {
      await done(bed, bed.dc.power.on(machine, host, fence));
    },

    async attach(machine, path, unit) {
      const { changeVersion, controllers } = await read(machine);
      const slot = { controller: 'existing', controllerKey: controllers[0]?.key ?? 0, unit } as const;
      const disks = [{ path, slot, mode: 'independent_persistent' }] as const;
      await done(bed, bed.dc.machines.attachAll({ machine, changeVersion, disks }, fence));
    },

    async hostNamed(name) {
      const host = (await bed.dc.inventory.read(soon())).hosts.find((each) => each.name === name);
      if (host === undefined) throw new Error(`there is no host ${name}`);
      return host.ref;
    },
  };
}
