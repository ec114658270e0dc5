import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { shortId } from '../../core/reference.ts';
import type { Step } from '../define.ts';
import { noted } from '../noted.ts';
import { diskIn } from '../volume/machine-of.ts';
import { renameBorrowed } from './borrowed.ts';
import { containerEvent, moved, type OwnContainer, ownContainer, put } from './container-of.ts';
import { plugIn } from './devices.ts';
import { readContainer } from './documents.ts';
import { confirmLeases, mountedVolumes, renameHolders, takeLeases } from './leases.ts';
import { scratchOf } from './machine.ts';
import { containersOf } from './place.ts';
import { startOnHost, startThere } from './power.ts';
import {
  isMidway,
  type Outcome,
  type RecoverContext,
  type RecoverNotes,
  type RecoverPayload,
  stamped,
  tell,
} from './recovery.ts';
import { withReach } from './reach.ts';
import { ghostsBeside, type Registrations, registrationsOf } from './registrations.ts';

type RecoverStep = Step<RecoverPayload, RecoverNotes>;

/** Nothing answers any more: the next host was lost, too. */
const AGAIN = { backTo: 'unregister' } as const;

const find = (context: RecoverContext) => registrationsOf(context, noted(context.payload.id));

/** The machine is what the record says, and has its volumes. */
export const devices: RecoverStep = {
  name: 'devices',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { answering: machine } = await find(context);
    if (machine === undefined) return AGAIN;
    const { record } = await ownContainer(context);
    await verify(context, machine, record);
    if (isMidway(context.notes.before) || machine.power === 'suspended') return {};
    const mounted = await mountedVolumes(context, record);
    const missing = mounted.filter(({ found }) => diskIn(machine, found.record) === undefined);
    takeLeases(context, { ref: machine.ref, name: machine.name, before: noted(context.notes.refs) }, missing);
    if (machine.power === 'on' && missing.length === 0) return {};
    const run = machine.power === 'on' ? record.run : { ...record.run, startedAt: context.now() };
    await plugIn(context, machine, { record: { ...record, run }, mounted });
    return { notes: { run } };
  },
};

/** @throws `container-lost`, `image-damaged` */
async function verify(context: RecoverContext, machine: Machine, record: ContainerRecord): Promise<void> {
  if (record.state === 'removing') return;
  if (readContainer(machine.extraConfig)?.document.id !== record.name)
    throw new StowageError(
      'container-lost',
      `${machine.name} has lost the configuration of container ${record.called}`,
    );
  if (scratchOf(machine) === undefined)
    throw new StowageError('container-lost', `${machine.name} has lost its own disk`);
  const image = await context.records.read('image', record.spec.image);
  for (const { diffId } of image?.record.layers ?? []) {
    const path = (await context.records.read('layer', diffId))?.record.disk?.path;
    if (path !== undefined && !machine.disks.some((disk) => disk.path === path))
      throw new StowageError('image-damaged', `${machine.name} lacks layer ${shortId(diffId)} of its image`);
  }
}

/** The datastore's locks decide whether the old one is dead: as long as it has them, this one is not started. */
export const power: RecoverStep = {
  name: 'power',
  applies: ({ notes }) => notes.shouldRun === true,
  task: { method: 'PowerOnVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { running, answering } = await find(context);
    if (running !== undefined) return {};
    if (answering === undefined) return AGAIN;
    if (answering.power === 'suspended' && context.notes.before === 'paused') return {};
    try {
      await startSomewhere(context, answering);
    } catch (thrown) {
      if (!isErrorCode(thrown, 'file-locked', 'hosts-full') || context.notes.told === thrown.code) throw thrown;
      return { ...tell(context, await ownContainer(context), thrown), backTo: 'power' };
    }
    return { notes: { outcome: 'rehomed', ...stamped(context, { poweredOn: context.now() }) } };
  },
};

async function startSomewhere(context: RecoverContext, machine: Machine): Promise<void> {
  try {
    await startThere(context, machine);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'hosts-full')) throw thrown;
    const except = machine.host === undefined ? [] : [machine.host];
    await startOnHost(context, machine, { cluster: noted(context.notes.cluster), except });
  }
}

/** A second registration that its old host brought back is taken out of the inventory. */
async function tidy(context: RecoverContext, machine: Machine, found: Registrations, own: OwnContainer): Promise<void> {
  for (const { ref } of ghostsBeside(machine, found)) await context.dataCentre.machines.unregister(ref, context.fence);
  await renameBorrowed(context, machine, own);
}

/** One that its host brought back between two registrations is not in our folder, where the watch would not see it. */
export const takeIn: RecoverStep = {
  name: 'take-in',
  applies: ({ notes: { timeline } }) => timeline?.unregistered !== undefined && timeline.rehomed === undefined,
  task: { method: 'MoveIntoFolder_Task' },
  async run(context) {
    const { estates, machines } = context.dataCentre;
    const { answering: machine } = await find(context);
    if (machine === undefined) return AGAIN;
    const { folder } = await estates.ensure(containersOf(context.world), context.fence);
    const isHome = (await machines.list(folder, context.signal)).some(({ ref }) => ref === machine.ref);
    if (!isHome) await context.task(() => machines.moveInto(machine.ref, folder, context.fence));
    return {};
  },
};

export const settle: RecoverStep = {
  name: 'settle',
  async run(context) {
    const own = await ownContainer(context);
    const { notes } = context;
    const found = await find(context);
    const { answering: machine, running } = found;
    if (machine === undefined) return AGAIN;
    const isPaused = machine.power === 'suspended' && notes.before === 'paused';
    // One that was on and is off has ended by itself: whoever watches it settles that.
    const wasOn = notes.timeline?.poweredOn !== undefined;
    if (notes.shouldRun === true && running === undefined && !isPaused && !wasOn) return { backTo: 'devices' };
    await tidy(context, machine, found, own);
    const mounted = await mountedVolumes(context, own.record);
    const before = noted(notes.refs).filter((ref) => ref !== machine.ref);
    const where = { ...noted(own.record.machine), ref: machine.ref, ...(machine.host ? { host: machine.host } : {}) };
    const outcome = outcomeOf(context, machine, own.record);
    const { error: _, recovery: __, ...rest } = own.record;
    const midway = isMidway(own.record.state);
    const record: ContainerRecord = midway
      ? { ...rest, machine: where, updatedAt: context.now() }
      : moved(context, own.record, isPaused ? 'paused' : 'running', {
          machine: where,
          run: runOf(context, own.record, outcome),
        });
    const writes = midway
      ? { records: renameHolders(context, machine, { mounted, before }), events: [] }
      : confirmLeases(context, machine, { mounted, before });
    const data = { how: outcome, host: machine.host ?? '', ...notes.timeline };
    return {
      notes: { outcome, machine: machine.ref, ...hostOf(machine), ...stamped(context, { verified: context.now() }) },
      records: [put(own, withReach(record, machine)), ...writes.records],
      events: [...writes.events, containerEvent('container.recovered', record, data)],
    };
  },
};

function outcomeOf({ notes }: RecoverContext, machine: Machine, { machine: known }: ContainerRecord): Outcome {
  if (notes.outcome !== undefined) return notes.outcome;
  if (notes.isHa === true && machine.ref === known?.ref && machine.host !== known.host) return 'restarted-by-ha';
  return 'adopted';
}

/** One that was found running where it ran has never stopped. */
function runOf({ notes, now }: RecoverContext, { run }: ContainerRecord, outcome: Outcome): ContainerRecord['run'] {
  if (outcome === 'adopted') return run;
  return outcome === 'rehomed' ? (notes.run ?? run) : { ...run, startedAt: now() };
}

function hostOf({ host }: Machine): Partial<RecoverNotes> {
  return host === undefined ? {} : { host };
}
