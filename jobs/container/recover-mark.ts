import type { ContainerRecord } from '../../core/container.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { Step } from '../define.ts';
import { noted } from '../noted.ts';
import { containerEvent, moved, put } from './container-of.ts';
import { exitCodeIn } from './documents.ts';
import { containersOf } from './place.ts';
import { clusterNamed } from './power.ts';
import { isMidway, type RecoverContext, type RecoverNotes, type RecoverPayload, stamped } from './recovery.ts';
import { type Registrations, registrationsOf } from './registrations.ts';

const ALIVE: readonly ContainerRecord['state'][] = ['running', 'paused', 'recovering'];

/** undefined: there is nothing to recover. Otherwise, whether it is to be on in the end. */
function wish(record: ContainerRecord, { running, answering, lost }: Registrations): { on: boolean } | undefined {
  const { state, run, machine } = record;
  if (machine === undefined) return undefined;
  const isWhereItWas = answering?.ref === machine.ref && answering.host === machine.host;
  if (isMidway(state)) {
    if (answering !== undefined) return isWhereItWas ? undefined : { on: running !== undefined };
    // What was on may run yet, on a host that is only cut off: to power it on elsewhere is the proof that it does not.
    return { on: lost.some(({ power }) => power !== 'off') };
  }
  if (run.wanted !== 'running' || !(ALIVE.includes(state) || state === 'dead')) return undefined;
  if (state === 'running' && isWhereItWas && (running !== undefined || hasEnded(answering))) return undefined;
  if (state === 'paused' && isWhereItWas && answering?.power === 'suspended') return undefined;
  return { on: true };
}

/** By itself, as the guest says. */
function hasEnded(machine: Machine | undefined): boolean {
  return machine?.power === 'off' && exitCodeIn(machine.extraConfig) !== undefined;
}

export const mark: Step<RecoverPayload, RecoverNotes> = {
  name: 'mark',
  async run(context) {
    const { payload } = context;
    const id = noted(payload.id);
    const own = await context.records.read('container', id);
    if (own === undefined) return { done: { id, outcome: 'gone' } };
    const found = await registrationsOf(context, id);
    const wanted = wish(own.record, found);
    if (wanted === undefined) return { done: { id, outcome: 'unchanged' } };
    const { ref, ha } = await clusterNamed(context, containersOf(context.world).cluster);
    const recovery = payload.recovery ?? context.jobId;
    const record: ContainerRecord = isMidway(own.record.state)
      ? { ...own.record, recovery, updatedAt: context.now() }
      : moved(context, own.record, 'recovering', { recovery });
    const lostHosts = [payload.host, ...found.lost.map(({ host }) => host)].filter((host) => host !== undefined);
    return {
      notes: {
        before: own.record.state,
        shouldRun: wanted.on,
        isHa: ha,
        cluster: ref,
        lostHosts: [...new Set(lostHosts)],
        refs: [...new Set([noted(own.record.machine).ref, ...found.all.map((each) => each.ref)])],
        shape: shapeOf(own.record, found),
        ...stamped(context, {}),
      },
      records: [put(own, record)],
      events: [containerEvent('container.recovering', record, { recovery, ...hostOf(context) })],
    };
  },
};

function hostOf({ payload }: RecoverContext): { readonly host?: string } {
  return payload.host === undefined ? {} : { host: payload.host };
}

/** What it needs of a host; kept, since between two registrations nobody could be asked. */
function shapeOf(record: ContainerRecord, { all: [first] }: Registrations): RecoverNotes['shape'] {
  const { vmxPath } = noted(record.machine);
  if (first === undefined) return { name: record.called, disks: [], vmxPath };
  const { name, disks, cpus, memoryMib } = first;
  return {
    name,
    disks,
    vmxPath: first.vmxPath ?? vmxPath,
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
  };
}
