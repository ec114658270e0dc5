import { z } from 'zod';
import type { ContainerRecord, ContainerRun } from '../../core/container.ts';
import { isErrorCode } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { isJobOver } from '../../core/states.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { machineOfContainer, type OwnContainer, ownContainer, prepareThat } from './container-of.ts';
import { unplug } from './devices.ts';
import { abandonEnding, type Ending, type EndingNotes, markStopping, settled, takeOut } from './ending.ts';
import { onContainer } from './payloads.ts';
import { resourcesOf } from './resources.ts';
import { isToRestart, pauseAfter } from './restart-policy.ts';
import { asLost, asSeen, LOST, type Sight } from './sync-see.ts';
import { whyOff } from './why-off.ts';

// Somebody did something to a container's machine without Stowage, or its process ended by itself: what is so now is read in the container's
// own line, where no other job is at it, and the record follows. Nothing is powered on or off here; that is what the jobs are for that follow.

type Payload = Ending;
interface Notes extends EndingNotes {
  /** started: by somebody else. again: it has exited, and its policy wants it back. */
  readonly verdict: 'same' | 'changed' | 'started' | 'ended' | 'again' | 'lost' | 'unknown';
  /** When it is to be started again. */
  readonly at: string;
  readonly follow: JobId;
}
type Context = StepContext<Payload, Notes>;
type SyncStep = Step<Payload, Notes>;

const is =
  (...verdicts: readonly Notes['verdict'][]) =>
  ({ notes }: Context): boolean =>
    notes.verdict !== undefined && verdicts.includes(notes.verdict);

const look: SyncStep = {
  name: 'look',
  async run(context) {
    const own = await context.records.read('container', noted(context.payload.id));
    if (own === undefined || (await isLeftAlone(context, own.record))) return { notes: { verdict: 'unknown' } };
    const machine = await machineOfContainer(context, own.record);
    if (machine === undefined) return { notes: { verdict: 'changed' }, ...(await asLost(context, own)) };
    if (!machine.connected) return { notes: { verdict: 'unknown' } };
    switch (machine.power) {
      case 'on':
        return found(context, own, machine, onNow(context, own.record));
      case 'suspended':
        return found(context, own, machine, { ...onNow(context, own.record), state: 'paused' });
      case 'off':
        return offNow(context, own, machine);
    }
  },
};

/** What is half made or half gone has a job that ends it; so has one that is being recovered. */
async function isLeftAlone(context: Context, { state, machine, recovery }: ContainerRecord): Promise<boolean> {
  if (machine === undefined || state === 'creating' || state === 'removing') return true;
  if (state !== 'recovering' || recovery === undefined) return false;
  const job = await context.jobs.read(recovery);
  return job !== undefined && !isJobOver(job.state);
}

async function found(context: Context, own: OwnContainer, machine: Machine, sight: Sight) {
  const isStarted = sight.run !== undefined && sight.run !== own.record.run;
  const writes = await asSeen(context, own, machine, sight);
  const verdict: Notes['verdict'] = isStarted ? 'started' : writes.records.length > 0 ? 'changed' : 'same';
  return { notes: { verdict, machine: machine.ref, follow: context.newJobId() }, ...writes };
}

function onNow(context: Context, { state, run }: ContainerRecord): Sight {
  const isRunning = run.wanted === 'running' && state !== 'exited';
  const begun: ContainerRun = { wanted: 'running', startedAt: context.now(), restarts: 0 };
  return { state: 'running', run: isRunning ? run : begun };
}

async function offNow(context: Context, own: OwnContainer, machine: Machine) {
  const { record } = own;
  const { state, run } = record;
  if (state === 'created' || state === 'exited') return stillOff(context, own, machine);
  // A removal that failed, a start that could not be undone: a person looks.
  if (state === 'dead' && record.error !== LOST) return found(context, own, machine, { state });
  const hasEnded = run.finishedAt !== undefined && run.wanted === 'stopped';
  if (state === 'starting' || run.startedAt === undefined || hasEnded) {
    const stopped: ContainerRun = { ...run, wanted: 'stopped' };
    const before = run.startedAt === undefined || state === 'starting' ? 'created' : 'exited';
    return found(context, own, machine, { state: run.finishedAt === undefined ? before : 'exited', run: stopped });
  }
  const why = await whyOff(context, record, machine);
  if (why.why === 'lost') return { notes: { verdict: 'lost' as const, follow: context.newJobId() } };
  const restarts = isToRestart(record.settings.restart, { ...run, exitCode: why.exitCode });
  const marked = await markStopping(context, own, {
    machine: machine.ref,
    exitCode: why.exitCode,
    wanted: restarts ? 'running' : 'stopped',
  });
  return {
    ...marked,
    notes: {
      ...marked.notes,
      verdict: 'ended' as const,
      follow: context.newJobId(),
      ...nextStart(context, marked.notes.run),
    },
  };
}

/** It may wait for a start by its policy that was forgotten, with Redis. */
async function stillOff(context: Context, own: OwnContainer, machine: Machine) {
  const { state, run, settings } = own.record;
  const result = await found(context, own, machine, { state });
  if (state !== 'exited' || run.wanted !== 'running' || !isToRestart(settings.restart, run)) return result;
  return { ...result, notes: { ...result.notes, verdict: 'again' as const, ...nextStart(context, run) } };
}

function nextStart(context: Context, run: ContainerRun): Pick<Notes, 'at'> | object {
  if (run.wanted !== 'running') return {};
  return { at: new Date(Date.parse(context.now()) + pauseAfter(run)).toISOString() };
}

/** The machine's own configuration says what it is meant to do, for the day on which Redis is empty. */
const status: SyncStep = {
  name: 'status',
  applies: is('started'),
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { record } = await ownContainer(context);
    const machine = await machineOfContainer(context, record);
    if (machine?.connected === true) await unplug(context, machine, { status: record, mounted: [] });
    return {};
  },
};

const settle: SyncStep = {
  name: 'settle',
  applies: is('ended'),
  run: (context) => settled(context),
};

const follow: SyncStep = {
  name: 'follow',
  applies: is('ended', 'again', 'lost'),
  async run(context) {
    const { verdict, at } = context.notes;
    const own = await context.records.read('container', noted(context.payload.id));
    if (own === undefined) return {};
    const { name: container, spec } = own.record;
    const id = noted(context.notes.follow);
    if (verdict === 'lost') await recover(context, container, id);
    else if (at !== undefined) await context.submit('container.again', { container, at }, id);
    else if (spec.autoRemove) await context.submit('container.remove', { container, anonymous: true }, id);
    return {};
  },
};

async function recover(context: Context, container: string, id: JobId): Promise<void> {
  try {
    await context.submit('container.recover', { container, reason: 'host-lost' }, id);
  } catch (thrown) {
    if (!isErrorCode(thrown, 'kind-unknown')) throw thrown;
    context.warn('a container went down with its host, and nobody here recovers it', { container });
  }
}

export const containerSync: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.sync',
  summary:
    'Compares the record of a container with its machine, after something happened to it that no job did: the record follows; a run that has ended is ended, and started again where its restart policy says so.',
  role: 'operator',
  lane: 'upkeep',
  payload: z.strictObject(onContainer) as unknown as z.ZodType<Payload>,
  result: z.object({
    id: z.string(),
    verdict: z.enum(['same', 'changed', 'started', 'ended', 'again', 'lost', 'unknown']),
  }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [look, status, { ...takeOut, applies: is('ended') }, settle, follow],
  finish: ({ payload, notes }) => ({ id: noted(payload.id), verdict: noted(notes.verdict) }),
  abandon: (context, error) => abandonEnding(context, error.message),
});
