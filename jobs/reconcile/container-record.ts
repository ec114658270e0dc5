import type { ContainerDocument, ContainerRecord, ContainerStatus } from '../../core/container.ts';
import { machineUuidOf } from '../../core/ids.ts';
import { withReach } from '../container/reach.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { ContainerState } from '../../core/states.ts';

/** The record for which a container's machine stands. Pure. */
export function recordOfMachine(
  machine: Machine,
  { document, status }: { readonly document: ContainerDocument; readonly status: ContainerStatus },
  now: string,
): ContainerRecord {
  const { id, spec, createdAt, job } = document;
  const { called, settings, run } = status;
  const { ref, host, vmxPath } = machine;
  const isRun = machine.power === 'on';
  const record: ContainerRecord = {
    type: 'container',
    name: id,
    called,
    state: stateOf(machine, status),
    spec,
    settings,
    // Somebody powered it on without Stowage, or Redis was emptied before it was said.
    run: isRun && run.wanted === 'stopped' ? { wanted: 'running', startedAt: now, restarts: 0 } : run,
    ...(vmxPath === undefined
      ? {}
      : { machine: { ref, uuid: machineUuidOf(id), vmxPath, ...(host === undefined ? {} : { host }) } }),
    createdAt,
    updatedAt: now,
    job,
  };
  return withReach(record, machine);
}

/** One that is off and should run is taken for running: `container.sync` finds out what became of it. */
function stateOf({ power }: Machine, { run }: ContainerStatus): ContainerState {
  if (power === 'on') return 'running';
  if (power === 'suspended') return 'paused';
  if (run.finishedAt !== undefined) return 'exited';
  if (run.wanted === 'running') return 'running';
  return run.startedAt === undefined ? 'created' : 'exited';
}
