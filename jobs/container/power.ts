import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Moref } from '../../core/ids.ts';
import type { ClusterFacts } from '../../core/ports/estate.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { splitDatastorePath } from '../../core/ids.ts';
import type { StepContext } from '../define.ts';
import { nameHolders } from '../volume/volume-of.ts';
import { ignoreAlreadySo } from './container-of.ts';

type AnyContext = StepContext<unknown, unknown>;

/** How a machine is started: by DRS, which chooses the host, or on a host that is chosen here. */
export interface Starting {
  readonly cluster: Moref;
  readonly isDrs: boolean;
}

export async function howToStart(context: AnyContext, cluster: string | undefined): Promise<Starting> {
  const { ref, drs } = await clusterNamed(context, cluster);
  return { cluster: ref, isDrs: drs };
}

/** @throws `vcenter-not-found` */
export async function clusterNamed(context: AnyContext, cluster: string | undefined): Promise<ClusterFacts> {
  const all = await context.dataCentre.estates.clusters(context.signal);
  const found = cluster === undefined ? all[0] : all.find(({ name }) => name === cluster);
  if (found === undefined) throw new StowageError('vcenter-not-found', `vCenter has no cluster ${cluster ?? ''}`);
  return found;
}

/** PowerOnMultiVM_Task, then the Task that it names; a start that was joined has the result of either. */
export async function startByDrs(context: AnyContext, machine: Machine): Promise<void> {
  const { power } = context.dataCentre;
  await namingHolder(context, machine, async () => {
    const result = await context.task(() => power.onByDrs([machine.ref], context.fence));
    await context.task(() => Promise.resolve(power.startOf(machine.ref, result)));
  });
}

/** On the host where it is registered. */
export async function startThere(context: AnyContext, machine: Machine): Promise<void> {
  const { power } = context.dataCentre;
  await namingHolder(context, machine, () => context.task(() => power.on(machine.ref, undefined, context.fence)));
}

/** On the best of the hosts that can take it. @throws `hosts-full` */
export async function startOnHost(
  context: AnyContext,
  machine: Machine,
  { cluster, except = [] }: { readonly cluster: Moref; readonly except?: readonly Moref[] },
): Promise<void> {
  const host = await chooseHost(context, machine, { cluster, except });
  await namingHolder(context, machine, () =>
    context.task(() => context.dataCentre.power.on(machine.ref, host, context.fence)),
  );
}

/** @throws `hosts-full` when no host has room and sees all datastores of the machine */
export async function chooseHost(
  context: Pick<AnyContext, 'dataCentre' | 'signal'>,
  machine: Pick<Machine, 'name' | 'disks' | 'vmxPath' | 'cpus' | 'memoryMib'>,
  { cluster, except = [] }: { readonly cluster: Moref; readonly except?: readonly Moref[] },
): Promise<Moref> {
  const paths = [...machine.disks.map(({ path }) => path), ...(machine.vmxPath === undefined ? [] : [machine.vmxPath])];
  const datastores = [...new Set(paths.map((path) => splitDatastorePath(path).datastore))];
  const query = { cluster, cpus: machine.cpus ?? 1, memoryMib: machine.memoryMib ?? 0, datastores, except };
  const [best] = await context.dataCentre.hosts.rank(query, context.signal);
  if (best !== undefined) return best.host;
  throw new StowageError(
    'hosts-full',
    `no host has room for ${machine.name} and sees its datastores (${datastores.join(', ')})`,
  );
}

/** Pulls the plug; one that is off is as wanted. */
export async function powerOff(context: AnyContext, machine: Machine): Promise<void> {
  if (machine.power === 'off') return;
  await ignoreAlreadySo(context.task(() => context.dataCentre.power.off(machine.ref, context.fence)));
}

/** One that is on already is as wanted. After a lock: the same error, with the machine that has the disk named. */
async function namingHolder(context: AnyContext, machine: Machine, work: () => Promise<unknown>): Promise<void> {
  try {
    await ignoreAlreadySo(work());
  } catch (thrown) {
    if (!isErrorCode(thrown, 'file-locked')) throw thrown;
    const paths = machine.disks.filter(({ mode }) => mode !== 'independent_nonpersistent').map(({ path }) => path);
    const found = await context.dataCentre.machines.findByDisk({ paths }, context.signal).catch(() => []);
    const others = found.filter((each) => each.machine !== machine.ref);
    if (others.length === 0) throw thrown;
    const holder = nameHolders(others.map(({ machine: ref, name }) => ({ machine: ref, machineName: name })));
    throw new StowageError('file-locked', `a disk of ${machine.name} is held open by ${holder}`, {
      ...thrown.details,
      holder,
      cause: thrown,
    });
  }
}
