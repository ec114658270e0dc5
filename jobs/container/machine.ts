import { CONTAINER_KEYS, type ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import { type DatastorePath, machineUuidOf, parentPath } from '../../core/ids.ts';
import type { ImageRecord } from '../../core/image.ts';
import type { Machine, MachineDisk, MachineSpec } from '../../core/ports/machines.ts';
import { type Digest, shortId } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { ignoreMissing } from '../volume/ignore-missing.ts';
import { noted } from '../noted.ts';
import { readAll } from '../read-all.ts';
import { machineOfContainer } from './container-of.ts';
import { encodeContainer, encodeStatus } from './documents.ts';
import { secretOf } from './guest.ts';
import { containerHome, containersFolder, containersOf, scratchPathOf, vmxPathOf } from './place.ts';
import { sizeOf } from './spec.ts';

type AnyContext = StepContext<unknown, unknown>;

/** Makes the folder, the pool and the directory in which it will be, where they are missing. @throws `image-damaged` when a layer is gone */
export async function buildMachine(
  context: AnyContext,
  record: ContainerRecord,
  image: ImageRecord,
): Promise<MachineSpec> {
  const { dataCentre, fence } = context;
  const world = containersOf(context.world);
  const { folder, pool } = await dataCentre.estates.ensure(world, fence);
  await dataCentre.files.makeDirectory(containersFolder(world), fence);
  const home = containerHome(world, record.name);
  const layers = await Promise.all(image.layers.map(({ diffId }) => layerDisk(context, image, diffId)));
  const { network } = record.spec;
  return {
    name: record.called,
    uuid: machineUuidOf(record.name),
    vmxPath: vmxPathOf(home, record.name),
    folder,
    pool,
    layers,
    scratch: { path: scratchPathOf(home), capacityBytes: world.scratchBytes },
    ...(network === 'none' ? {} : { network: world.network }),
    ...(world.guest === undefined ? {} : { serial: world.guest.uri }),
    ...(world.guest?.image === undefined ? {} : { bootImage: world.guest.image }),
    ...sizeOf(record.settings, world, await coreMhz(context)),
    extraConfig: {
      [CONTAINER_KEYS.id]: record.name,
      ...secretOf(context, record.name),
      [CONTAINER_KEYS.document]: encodeContainer({
        stowage: 1,
        id: record.name,
        spec: record.spec,
        createdAt: record.createdAt,
        job: noted(record.job),
      }),
      [CONTAINER_KEYS.status]: encodeStatus(record),
    },
  };
}

async function layerDisk(context: AnyContext, image: ImageRecord, diffId: Digest): Promise<DatastorePath> {
  const layer = await context.records.read('layer', diffId);
  const path = layer?.record.state === 'available' ? layer.record.disk?.path : undefined;
  if (path !== undefined) return path;
  throw new StowageError('image-damaged', `layer ${shortId(diffId)} of image ${shortId(image.name)} is not there`);
}

/** Of the hosts' cores; those of a cluster are alike, the slowest counts. */
export async function coreMhz(context: Pick<AnyContext, 'records'>): Promise<number | undefined> {
  const hosts = await readAll(context, 'host');
  const speeds = hosts.flatMap(({ record: { cpuMhz, cpuCores } }) =>
    cpuCores === undefined || cpuCores === 0 ? [] : [cpuMhz / cpuCores],
  );
  return speeds.length === 0 ? undefined : Math.min(...speeds);
}

/** The disk of the container's own, by its whole path: all others are shared, or are volumes (one may well be named `scratch`). */
export function scratchOf({ vmxPath, disks }: Pick<Machine, 'vmxPath' | 'disks'>): MachineDisk | undefined {
  if (vmxPath === undefined) return undefined;
  const own = scratchPathOf(parentPath(vmxPath));
  return disks.find(({ path }) => path === own);
}

/**
 * Destroys the machine, and nothing but what is its own. vCenter deletes every disk that is attached: layers and volumes go before, and
 * without their files. Twice is as good as once.
 */
export async function takeMachineBack(
  context: AnyContext,
  record: Pick<ContainerRecord, 'name' | 'machine'>,
): Promise<void> {
  const machine = await machineOfContainer(context, record);
  if (machine === undefined) return;
  await detachForeignDisks(context, machine);
  await ignoreMissing(context.task(() => context.dataCentre.machines.destroy(machine.ref, context.fence)));
}

/** All but the scratch disk. A Task that nobody joins: whoever comes next finds fewer disks, or is told of a conflict and reads again. */
async function detachForeignDisks(context: AnyContext, machine: Machine): Promise<void> {
  const { machines, tasks } = context.dataCentre;
  const scratch = scratchOf(machine);
  const ref = await machines.detachAllBut(machine.ref, scratch === undefined ? [] : [scratch.key], context.fence);
  if (ref !== undefined) await tasks.wait(ref, { signal: context.signal });
}
