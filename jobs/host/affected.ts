import type { ContainerRecord } from '../../core/container.ts';
import { machineUuidOf, type Moref } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { containersOf } from '../container/place.ts';
import { isMidway } from '../container/recovery.ts';
import type { StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';

type AnyContext = StepContext<unknown, unknown>;

/** Higher goes first. */
const PRIORITY_LABEL = 'stowage.recovery.priority';

/** Machines of containers, as vCenter knows them. */
export async function allMachines(context: AnyContext): Promise<readonly Machine[]> {
  if (context.world.containers === undefined) return [];
  const estate = await context.dataCentre.estates.find(containersOf(context.world), context.signal);
  return estate === undefined ? [] : context.dataCentre.machines.list(estate.folder, context.signal);
}

export async function machinesByUuid(context: AnyContext): Promise<ReadonlyMap<string, readonly Machine[]>> {
  return Map.groupBy(await allMachines(context), ({ uuid = '' }) => uuid);
}

/** Those that should run and may not, because of the host; the most important first, then by name. */
export async function affectedBy(context: AnyContext, host: Moref): Promise<readonly ContainerRecord[]> {
  const machines = await machinesByUuid(context);
  const records = (await readAll(context, 'container')).map(({ record }) => record);
  return records
    .filter((record) => isAffected(record, machines.get(machineUuidOf(record.name)) ?? [], host))
    .toSorted((a, b) => priorityOf(b) - priorityOf(a) || (a.called < b.called ? -1 : 1));
}

const SHOULD_RUN: readonly ContainerRecord['state'][] = ['running', 'paused', 'recovering', 'dead'];

function isAffected(record: ContainerRecord, machines: readonly Machine[], host: Moref): boolean {
  const { state, run, machine: known } = record;
  const counts = isMidway(state) || (SHOULD_RUN.includes(state) && run.wanted === 'running');
  if (known === undefined || !counts) return false;
  const here = machines.filter((machine) => machine.host === host);
  if (here.some(({ connected, power }) => !connected || (power === 'off' && !isMidway(state)))) return true;
  if (known.host !== host) return false;
  // vSphere HA was faster, or a recovery ended between two registrations.
  return machines.length === 0 || (here.length === 0 && machines.some(({ power }) => power === 'on'));
}

function priorityOf({ spec }: ContainerRecord): number {
  const priority = Number(spec.labels[PRIORITY_LABEL] ?? '0');
  return Number.isInteger(priority) ? priority : 0;
}
