import { isDeepStrictEqual } from 'node:util';
import type { ContainerRecord, ContainerRun } from '../../core/container.ts';
import type { NewEvent } from '../../core/events.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { ContainerState } from '../../core/states.ts';
import type { Flag } from '../../core/volume.ts';
import { diskIn } from '../volume/machine-of.ts';
import { containerEvent, moved, type OwnContainer, put } from './container-of.ts';
import type { EndingContext } from './ending.ts';
import { endLeases, type Mounted, mountedVolumesLeft, type Writes } from './leases.ts';
import { leasesAsSeen } from './leases-as-seen.ts';
import { withReach } from './reach.ts';

// What a record becomes when something happened to its machine that no job did.

/** What a dead container is told of, whose machine is gone; it comes back when the machine does. */
export const LOST = 'its machine is not in vCenter any more';

const OUT_OF_BAND = { outOfBand: true } as const;
const HAS_VOLUMES: readonly ContainerState[] = ['running', 'paused'];

export const calledOtherwise = (name: string): string => `its machine is called ${name} in vSphere`;

export interface Sight {
  readonly state: ContainerState;
  readonly run?: ContainerRun;
}

/** The record as the machine has it, with its volumes; nothing when it is so already. */
export async function asSeen(
  context: EndingContext,
  own: OwnContainer,
  machine: Machine,
  { state, run = own.record.run }: Sight,
): Promise<Writes> {
  const { record } = own;
  const mounted = await mountedVolumesLeft(context, record);
  const before = record.machine === undefined ? [] : [record.machine.ref];
  const leases = await leasesAsSeen(context, machine, { mounted, before, isOutOfBand: true });
  const amiss = [
    ...(HAS_VOLUMES.includes(state) ? missingFrom(machine, mounted) : []),
    ...leases.refused.map((volume) => `its machine has the disk of volume ${volume}`),
  ].join('; ');
  const next = withReach({ ...arrived(context, record, state), run, ...placed(record, machine) }, machine);
  const told = withError(record, next, amiss);
  const flagged = withFlag(context, told, [amiss, nameAmiss(record, machine)].filter((each) => each !== '').join('; '));
  const events = [
    ...stateEvents(record, flagged),
    ...movedEvents(record, flagged),
    ...flagEvents(record, flagged),
    ...leases.events,
  ];
  if (isSame(record, flagged)) return { records: leases.records, events: leases.events };
  return { records: [put(own, flagged), ...leases.records], events };
}

/** Through `running`, where the table has no way of its own. */
function arrived(context: EndingContext, record: ContainerRecord, state: ContainerState): ContainerRecord {
  const isDetour = state === 'paused' && ['created', 'exited', 'starting', 'stopping'].includes(record.state);
  return moved(context, isDetour ? moved(context, record, 'running') : record, state);
}

function placed(record: ContainerRecord, { ref, host }: Machine): Pick<ContainerRecord, 'machine'> {
  if (record.machine === undefined) return {};
  return { machine: { ...record.machine, ref, ...(host === undefined ? {} : { host }) } };
}

function missingFrom(machine: Machine, mounted: readonly Mounted[]): readonly string[] {
  return mounted
    .filter(({ found }) => diskIn(machine, found.record) === undefined)
    .map(({ found }) => `volume ${found.record.name} was taken out of its machine`);
}

/** Its name is what Stowage gave it; what people call its machine is theirs. */
function nameAmiss({ called }: ContainerRecord, { name }: Machine): string {
  return name === called ? '' : calledOtherwise(name);
}

function withError(before: ContainerRecord, next: ContainerRecord, amiss: string): ContainerRecord {
  if (amiss !== '') return { ...next, error: amiss };
  // Why it did not start, or did not stop, is still to be read; what was amiss and is in order is not.
  const isKept = before.state === next.state && before.error !== undefined && !wasAmiss(before);
  return isKept && before.error !== undefined ? { ...next, error: before.error } : next;
}

const wasAmiss = ({ error = '', flag }: ContainerRecord): boolean => flag?.reason.startsWith(error) === true;

function withFlag(context: EndingContext, record: ContainerRecord, reason: string): ContainerRecord {
  const { flag, ...rest } = record;
  if (reason === '') return rest;
  if (flag?.reason === reason) return record;
  // Two passes: it is told at once.
  const raised: Flag = { reason, passes: 2, since: context.now() };
  return { ...rest, flag: raised };
}

function isSame(a: ContainerRecord, b: ContainerRecord): boolean {
  return isDeepStrictEqual({ ...a, updatedAt: '', job: undefined }, { ...b, updatedAt: '', job: undefined });
}

function stateEvents(before: ContainerRecord, after: ContainerRecord): readonly NewEvent[] {
  if (before.state === after.state) return [];
  if (after.state === 'paused') return [containerEvent('container.paused', after, OUT_OF_BAND)];
  if (after.state !== 'running') return [];
  const type = before.state === 'paused' ? 'container.unpaused' : 'container.started';
  return [containerEvent(type, after, OUT_OF_BAND)];
}

/** Before its first start a machine is on some host or other. */
export function movedEvents(before: ContainerRecord, after: ContainerRecord): readonly NewEvent[] {
  const [was, host] = [before.machine?.host, after.machine?.host];
  if (was === undefined || host === undefined || was === host || !HAS_VOLUMES.includes(before.state)) return [];
  return [containerEvent('container.moved', after, { host, was })];
}

function flagEvents(before: ContainerRecord, after: ContainerRecord): readonly NewEvent[] {
  if (before.flag?.reason === after.flag?.reason) return [];
  if (after.flag !== undefined) return [containerEvent('container.flagged', after, { reason: after.flag.reason })];
  return [containerEvent('container.unflagged', after, { reason: before.flag?.reason ?? '' })];
}

/** vCenter knows no machine of it, so nobody has its volumes. */
export async function asLost(context: EndingContext, own: OwnContainer): Promise<Writes> {
  const { record } = own;
  const mounted = await mountedVolumesLeft(context, record);
  const refs = record.machine === undefined ? [] : [record.machine.ref];
  const leases = await endLeases(context, refs, { mounted, paths: {}, data: OUT_OF_BAND });
  if (record.state === 'dead' && record.error === LOST) return leases;
  const dead = moved(context, record, 'dead', { error: LOST });
  const failed = containerEvent('container.failed', dead, { message: LOST, ...OUT_OF_BAND });
  return { records: [put(own, dead), ...leases.records], events: [failed, ...leases.events] };
}
