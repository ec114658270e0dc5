import { z } from 'zod';
import type { ContainerRecord, ContainerRun } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import {
  busy,
  containerEvent,
  machineOfContainer,
  moved,
  ownContainer,
  prepareThat,
  put,
  theMachine,
} from './container-of.ts';
import { plugIn, unplug } from './devices.ts';
import { guestsOf } from './guest.ts';
import { type BeginNotes, guestBegins } from './guest-begin.ts';
import { refsOf } from './ending.ts';
import { confirmLeases, endLeases, mountedVolumes, mountedVolumesLeft, takeLeases } from './leases.ts';
import { type OnContainer, onContainer } from './payloads.ts';
import { containersOf } from './place.ts';
import { howToStart } from './power.ts';
import { power, powerByDrs, type PowerNotes } from './power-steps.ts';
import { withReach } from './reach.ts';
import { resourcesOf } from './resources.ts';
import { isToRestart, pauseAfter } from './restart-policy.ts';

// Leases on the volumes first, then the devices with the word that it is to run, in one Task, then power. A crash in between leaves a
// machine that is off with leases that name it: the next attempt goes on, and undo takes it all back.

interface Payload extends OnContainer {
  /** By its restart policy: counted, and no more than the policy allows. */
  readonly again?: boolean;
}
interface Notes extends BeginNotes, PowerNotes {
  readonly before: Pick<ContainerRecord, 'state' | 'run'>;
}
type Context = StepContext<Payload, Notes>;

function runOf(context: Context, before: ContainerRun): ContainerRun {
  return {
    wanted: 'running',
    startedAt: context.now(),
    ...(context.payload.again === true
      ? { restarts: before.restarts + 1, pauseMs: pauseAfter(before) }
      : { restarts: 0 }),
  };
}

function isStillToRestart({ state, run, settings }: ContainerRecord): boolean {
  return state === 'exited' && run.wanted === 'running' && isToRestart(settings.restart, run);
}

const lease: Step<Payload, Notes> = {
  name: 'lease',
  async run(context) {
    const own = await ownContainer(context);
    const { record } = own;
    if (record.state === 'running') return { done: { id: record.name, started: false } };
    if (!['created', 'exited', 'dead', 'starting'].includes(record.state)) throw busy(record, 'started');
    // Somebody stopped it, or changed its policy meanwhile: that counts.
    if (context.payload.again === true && !isStillToRestart(record))
      return { done: { id: record.name, started: false } };
    const machine = await theMachine(context, record);
    const mounted = await mountedVolumes(context, record);
    const before = record.machine === undefined ? [] : [record.machine.ref];
    const records = takeLeases(context, { ref: machine.ref, name: machine.name, before }, mounted);
    const starting = await howToStart(context, containersOf(context.world).cluster);
    const next = moved(context, record, 'starting', { run: runOf(context, record.run) });
    return {
      notes: {
        machine: machine.ref,
        starting,
        before: { state: record.state, run: record.run },
        hasGuest: guestsOf(context, machine) !== undefined,
      },
      records: [put(own, next), ...records],
    };
  },
};

const devices: Step<Payload, Notes> = {
  name: 'devices',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { record } = await ownContainer(context);
    const machine = await theMachine(context, record);
    if (!machine.connected) await askForRecovery(context, machine.name);
    if (machine.power === 'on') return {};
    await plugIn(context, machine, { record, mounted: await mountedVolumes(context, record) });
    return {};
  },
  undoTask: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async undo(context) {
    const { record } = await ownContainer(context);
    const machine = await machineOfContainer(context, record);
    if (machine === undefined) return;
    const status = { ...record, run: context.notes.before?.run ?? record.run };
    await unplug(context, machine, { status, mounted: await mountedVolumes(context, record) });
  },
};

/** Registered on a host that is lost: a recovery takes this job's place, puts the machine on another host, and this job goes on. */
async function askForRecovery(context: Context, machine: string): Promise<never> {
  const wish = { container: noted(context.payload.id), reason: 'host-lost' };
  await context.submit('container.recover', wish, undefined, { front: true });
  throw new StowageError('vcenter-state', `the host of ${machine} does not answer: it is registered on another first`);
}

const confirm: Step<Payload, Notes> = {
  name: 'confirm',
  async run(context) {
    const own = await ownContainer(context);
    const machine = await theMachine(context, own.record);
    if (machine.power !== 'on' && machine.connected && context.notes.isOver !== true)
      throw new StowageError('vcenter-state', `${machine.name} was powered on and is ${machine.power} now`);
    const mounted = await mountedVolumes(context, own.record);
    const writes = confirmLeases(context, machine, { mounted, before: [noted(context.notes.machine)] });
    const { host, ref } = machine;
    const record = moved(
      context,
      own.record,
      'running',
      own.record.machine === undefined
        ? {}
        : { machine: { ...own.record.machine, ref, ...(host === undefined ? {} : { host }) } },
    );
    return {
      records: [put(own, withReach(record, machine)), ...writes.records],
      events: [...writes.events, containerEvent('container.started', record, host === undefined ? {} : { host })],
    };
  },
};

/** Docker's `--rm`: what could not be started goes, too; clients wait for that. It stands in the container's line behind this job. */
async function removeNeverRun(context: Context, state: ContainerRecord['state'], record: ContainerRecord) {
  if (!record.spec.autoRemove || !['created', 'exited', 'starting'].includes(state)) return;
  await context.submit('container.remove', { container: record.name, anonymous: true });
}

export const containerStart: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.start',
  summary:
    'Starts a container: takes its volumes, attaches them, and powers its machine on, on the host that DRS or free memory names.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    again: z.boolean().optional().describe('By its restart policy; set by Stowage'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({
    id: z.string(),
    started: z.boolean().describe('false: it was running already'),
  }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [lease, devices, powerByDrs, power, guestBegins, confirm],
  finish: ({ payload }) => ({ id: noted(payload.id), started: true }),
  async abandon(context, error, undone) {
    const own = await context.records.read('container', noted(context.payload.id));
    const { before, machine } = context.notes;
    if (own === undefined) return {};
    const { record } = own;
    await removeNeverRun(context, before?.state ?? record.state, record);
    if (before === undefined || machine === undefined || record.job !== context.jobId) return {};
    const failed = containerEvent('container.failed', record, { code: error.code, message: error.message });
    // What could not be taken back keeps its leases: reconcile asks vSphere who holds the disks.
    if (!undone)
      return { records: [put(own, moved(context, record, 'dead', { error: error.message }))], events: [failed] };
    const mounted = await mountedVolumesLeft(context, record);
    const leases = await endLeases(context, refsOf(machine, record), { mounted, paths: {} });
    const next = moved(context, record, before.state === 'starting' ? 'exited' : before.state, {
      run: before.run,
      error: error.message,
    });
    return { records: [put(own, next), ...leases.records], events: [failed] };
  },
});
