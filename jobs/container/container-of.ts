import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { NewEvent } from '../../core/events.ts';
import { type ContainerId, machineUuidOf, type VolumeName } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { RecordChange } from '../../core/record.ts';
import { type ContainerState, transition } from '../../core/states.ts';
import type { PrepareContext, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { findContainer, noSuchContainer } from './find.ts';
import { deviceVolumes, type OnContainer } from './payloads.ts';
import { isReached } from './reach.ts';

type AnyContext = StepContext<unknown, unknown>;

export interface OwnContainer {
  readonly record: ContainerRecord;
  readonly rev: number;
}

/** The id, and the volumes in whose lines the job stands: mounts never change, so neither do they. @throws `container-not-found` */
export async function prepareOnContainer(
  payload: OnContainer,
  { records }: Pick<PrepareContext, 'records'>,
): Promise<Prepared & { readonly record: ContainerRecord }> {
  const record = await findContainer(records, payload.container);
  return { container: record.name, id: record.name, volumes: deviceVolumes(record.spec.mounts), record };
}

type Prepared = {
  readonly container: ContainerId;
  readonly id: ContainerId;
  readonly volumes: readonly VolumeName[];
};

/** For kinds that need no more. */
export async function prepareThat(payload: OnContainer, context: Pick<PrepareContext, 'records'>): Promise<Prepared> {
  const { record: _, ...prepared } = await prepareOnContainer(payload, context);
  return prepared;
}

/** The record of the container that the job is of. @throws `container-not-found` */
export async function ownContainer(context: AnyContext & { readonly payload: OnContainer }): Promise<OwnContainer> {
  const found = await context.records.read('container', noted(context.payload.id));
  if (found === undefined) throw noSuchContainer(context.payload.container);
  return found;
}

/** The machine of the container, however often it was registered anew; undefined: vCenter has none. */
export async function machineOfContainer(
  context: Pick<AnyContext, 'dataCentre' | 'signal'>,
  record: Pick<ContainerRecord, 'name' | 'machine'>,
): Promise<Machine | undefined> {
  const { machines } = context.dataCentre;
  const known = record.machine === undefined ? undefined : await machines.find(record.machine.ref, context.signal);
  const uuid = machineUuidOf(record.name);
  if (known?.uuid === uuid && known.connected) return known;
  const all = await machines.findByUuid(uuid, context.signal);
  // After a recovery there may be a ghost beside it: the one that is on, else the one that answers.
  return (
    all.find((each) => each.power === 'on' && each.connected) ??
    all.find((each) => each.connected) ??
    all[0] ??
    undefined
  );
}

/** @throws `container-lost` */
export async function theMachine(
  context: Pick<AnyContext, 'dataCentre' | 'signal'>,
  record: Pick<ContainerRecord, 'name' | 'machine' | 'called'>,
): Promise<Machine> {
  const machine = await machineOfContainer(context, record);
  if (machine !== undefined) return machine;
  throw new StowageError('container-lost', `the machine of container ${record.called} is not in vCenter any more`);
}

/** The record in its next state, stamped. */
export function moved(
  context: Pick<AnyContext, 'now' | 'jobId'>,
  record: ContainerRecord,
  state: ContainerState,
  change: Partial<ContainerRecord> = {},
): ContainerRecord {
  const { error: _, recovery: __, reach, ...rest } = record;
  return {
    ...rest,
    ...(isReached(state) && reach !== undefined ? { reach } : {}),
    ...change,
    state: transition('container', record.state, state),
    updatedAt: context.now(),
    job: context.jobId,
  };
}

export function put({ rev }: OwnContainer, record: ContainerRecord): RecordChange {
  return { op: 'put', record, expectedRev: rev };
}

export function containerEvent(type: NewEvent['type'], record: ContainerRecord, data: JsonObject = {}): NewEvent {
  const { name, called, spec } = record;
  return {
    type,
    subject: `container:${name}`,
    data: { name: called, image: spec.imageName, labels: spec.labels, ...data },
  };
}

export function busy(record: ContainerRecord, wish: string): StowageError {
  return new StowageError('container-busy', `container ${record.called} is ${record.state} and cannot be ${wish}`);
}

/** What is already as asked for is no fault: another attempt, or somebody in the vSphere client, was faster. */
export async function ignoreAlreadySo(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-already-so')) throw thrown;
  }
}
