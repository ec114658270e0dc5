import type { ContainerRecord, ContainerRun } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { NewEvent } from '../../core/events.ts';
import type { JsonObject } from '../../core/job.ts';
import type { JobId, Moref } from '../../core/ids.ts';
import type { Step, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { containerEvent, machineOfContainer, moved, type OwnContainer, ownContainer, put } from './container-of.ts';
import { unplug } from './devices.ts';
import { exitCodeIn } from './documents.ts';
import type { EndNotes } from './guest-end.ts';
import { type DiskPaths, endLeases, markLeaving, mountedVolumesLeft, pathsIn } from './leases.ts';
import { leasesAsSeen } from './leases-as-seen.ts';
import type { OnContainer } from './payloads.ts';
import { powerOff } from './power.ts';

// What every end of a run has in common, whoever ended it: power off, volumes out, the exit told. A stopped container holds nothing.

export interface Ending extends OnContainer {
  /** It is to be started again at once: `--rm` does not count. */
  readonly restarting?: boolean;
}

export interface EndingNotes extends EndNotes {
  readonly before: Pick<ContainerRecord, 'state' | 'run'>;
  readonly machine: Moref;
  readonly run: ContainerRun;
  readonly paths: DiskPaths;
  /** The job that removes or restarts it then. */
  readonly next: JobId;
}
export type EndingContext = StepContext<Ending, EndingNotes>;
type EndingStep = Step<Ending, EndingNotes>;

export const STOPPABLE: readonly ContainerRecord['state'][] = ['running', 'paused', 'stopping', 'starting', 'dead'];

/** A process that nobody asked for its exit code: killed, as Docker tells it. */
export const KILLED = 137;

/** The container is on its way down, with its volumes. */
export async function markStopping(
  context: EndingContext,
  own: OwnContainer,
  {
    machine,
    exitCode,
    wanted = 'stopped',
  }: { readonly machine: Moref; readonly exitCode: number; readonly wanted?: ContainerRun['wanted'] },
) {
  const { record } = own;
  const mounted = await mountedVolumesLeft(context, record);
  const run: ContainerRun = { ...record.run, wanted, finishedAt: context.now(), exitCode };
  return {
    notes: { before: { state: record.state, run: record.run }, machine, run },
    records: [put(own, moved(context, record, 'stopping')), ...markLeaving(context, machine, mounted)],
  };
}

export const powerDown: EndingStep = {
  name: 'power',
  task: { method: 'PowerOffVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const machine = await machineOfContainer(context, (await ownContainer(context)).record);
    if (machine !== undefined) await powerOff(context, machine);
    return {};
  },
};

export const takeOut: EndingStep = {
  name: 'devices',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { record } = await ownContainer(context);
    const machine = await machineOfContainer(context, record);
    if (machine === undefined) return {};
    // Somebody was faster: a machine that runs keeps its disks.
    if (machine.power !== 'off')
      throw new StowageError('vcenter-state', `${machine.name} is ${machine.power} again, and keeps its volumes`);
    const mounted = await mountedVolumesLeft(context, record);
    const paths = { ...context.notes.paths, ...pathsIn(machine, mounted) };
    // The guest's own word, where it had one.
    const exitCode = exitCodeIn(machine.extraConfig) ?? noted(context.notes.run).exitCode ?? KILLED;
    const run: ContainerRun = { ...noted(context.notes.run), exitCode };
    await unplug(context, machine, { status: { ...record, run }, mounted });
    return { notes: { paths, run } };
  },
};

/** The machine as this job met it, and as a recovery that came in between registered it anew. */
export function refsOf(machine: Moref, { machine: known }: Pick<ContainerRecord, 'machine'>): readonly Moref[] {
  return known === undefined ? [machine] : [machine, known.ref];
}

/** @param events beside that of its death */
export async function settled(context: EndingContext, events: readonly NewEvent[] = [], data: JsonObject = {}) {
  const own = await ownContainer(context);
  const run = noted(context.notes.run);
  const machine = noted(context.notes.machine);
  const mounted = await mountedVolumesLeft(context, own.record);
  const leases = await endLeases(context, refsOf(machine, own.record), { mounted, paths: context.notes.paths ?? {} });
  const record = moved(context, own.record, 'exited', { run });
  const died = containerEvent('container.died', record, { exitCode: run.exitCode ?? KILLED, ...data });
  // One that only waited for its restart is dead already.
  const isNews = own.record.state !== 'exited';
  return {
    notes: { next: context.newJobId() },
    records: [put(own, record), ...leases.records],
    events: [...events, ...(isNews ? [died] : []), ...leases.events],
  };
}

/** Docker's `--rm`: whoever ended it. Not waited for; the removal stands in the container's line behind this job. */
export const removeItself: EndingStep = {
  name: 'remove',
  async run(context) {
    const { record } = await ownContainer(context);
    if (record.spec.autoRemove && context.payload.restarting !== true)
      await context.submit('container.remove', { container: record.name, anonymous: true }, noted(context.notes.next));
    return {};
  },
};

/** A stop that failed for good leaves a container that runs, as vSphere has it. */
export async function abandonEnding(context: EndingContext, message: string) {
  const own = await context.records.read('container', noted(context.payload.id));
  const { before } = context.notes;
  if (own === undefined || before === undefined || own.record.job !== context.jobId) return {};
  const record = moved(context, own.record, before.state, { run: before.run, error: message });
  const machine = await machineOfContainer(context, own.record);
  const mounted = await mountedVolumesLeft(context, own.record);
  const leases = await leasesAsSeen(context, machine, {
    mounted,
    before: refsOf(noted(context.notes.machine), own.record),
  });
  const failed = containerEvent('container.failed', record, { message });
  return { records: [put(own, record), ...leases.records], events: [failed, ...leases.events] };
}
