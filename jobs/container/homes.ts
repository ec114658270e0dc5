import { isErrorCode } from '../../core/errors.ts';
import { type ContainerId, machineUuidOf, parseContainerId, splitDatastorePath } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { StepContext } from '../define.ts';
import { readContainer } from './documents.ts';
import { containerHome, containersFolder, containersOf, vmxPathOf } from './place.ts';
import { clusterNamed } from './power.ts';

type AnyContext = StepContext<unknown, unknown>;

/**
 * Containers whose files are there, and which neither a record nor vCenter's inventory knows: Redis was emptied while their recovery was
 * between two registrations.
 */
export async function homesWithoutMachine(
  context: AnyContext,
  machines: ReadonlyMap<string, readonly Machine[]>,
): Promise<readonly ContainerId[]> {
  const world = containersOf(context.world);
  const { files } = context.dataCentre;
  const entries = (await files.list(containersFolder(world), context.signal)) ?? [];
  const lost: ContainerId[] = [];
  for (const { name, isDirectory } of entries) {
    const id = isDirectory ? parseContainerId(name) : undefined;
    if (id === undefined || machines.has(machineUuidOf(id))) continue;
    if ((await context.records.read('container', id)) !== undefined) continue;
    if ((await context.dataCentre.machines.findByUuid(machineUuidOf(id), context.signal)).length > 0) continue;
    const home = (await files.list(containerHome(world, id), context.signal)) ?? [];
    if (home.some((file) => file.name === `${id}.vmx`)) lost.push(id);
  }
  return lost;
}

/** Off, and called as its configuration says: reconcile then reads from that whether it should run. */
export async function registerHome(context: AnyContext, id: ContainerId): Promise<void> {
  const world = containersOf(context.world);
  const { machines, estates, hosts } = context.dataCentre;
  const { ref: cluster } = await clusterNamed(context, world.cluster);
  const vmxPath = vmxPathOf(containerHome(world, id), id);
  const { datastore } = splitDatastorePath(vmxPath);
  const [best] = await hosts.rank({ cluster, cpus: 1, memoryMib: 0, datastores: [datastore] }, context.signal);
  const { folder, pool } = await estates.ensure(world, context.fence);
  const where = best === undefined ? {} : { host: best.host };
  try {
    await context.task(() => machines.register({ vmxPath, name: id, folder, pool, ...where }, context.fence));
    const [machine] = await machines.findByUuid(machineUuidOf(id), context.signal);
    const called = readContainer(machine?.extraConfig ?? {})?.status.called;
    if (machine !== undefined && called !== undefined)
      await context.task(() => machines.rename(machine.ref, called, context.fence));
  } catch (thrown) {
    // Somebody was faster, or has the name by now.
    if (!isErrorCode(thrown, 'vcenter-exists')) throw thrown;
  }
}
