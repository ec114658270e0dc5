import { z } from 'zod';
import { CONTAINER_KEYS } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { ownContainer, prepareThat, theMachine } from './container-of.ts';
import { secretOf } from './guest.ts';
import { guestDisks } from './guest-disks.ts';
import { type OnContainer, onContainer } from './payloads.ts';
import { containerLine, containersOf } from './place.ts';
import { howToStart, powerOff } from './power.ts';
import { power, powerByDrs, type PowerNotes } from './power-steps.ts';

// The files of a container that does not run are reached through its guest as well: its machine is switched on for that, without its
// volumes and without its process. It goes off by itself when nobody has asked for anything for some seconds. The record does not change:
// for people the container is off, and whoever wants to start it stands in its line behind this job.

interface Notes extends PowerNotes {
  /** Until when somebody may keep it on. */
  readonly until: string;
}
type Context = StepContext<OnContainer, Notes>;
type VisitStep = Step<OnContainer, Notes>;

const LONGEST_MS = 60 * 60 * 1_000;
const AGAIN_MS = 500;

const mark: VisitStep = {
  name: 'mark',
  isLocal: true,
  async run(context) {
    const { record } = await ownContainer(context);
    if (!['created', 'exited', 'dead'].includes(record.state)) return { done: { id: record.name, visited: false } };
    const machine = await theMachine(context, record);
    const isMade = (machine.extraConfig[CONTAINER_KEYS.secret] ?? '') !== '';
    if (!isMade || containersOf(context.world).guest === undefined)
      throw new StowageError(
        'operation-unsupported',
        `container ${record.called} was made without a guest, so that nobody can reach its files`,
      );
    const until = new Date(Date.parse(context.now()) + LONGEST_MS).toISOString();
    const starting = await howToStart(context, containersOf(context.world).cluster);
    return { notes: { machine: machine.ref, starting, until } };
  },
};

async function tell(context: Context, values: Readonly<Record<string, string>>): Promise<void> {
  const { machines } = context.dataCentre;
  const { ref, changeVersion, extraConfig } = await theMachine(context, (await ownContainer(context)).record);
  if (Object.entries(values).every(([key, value]) => (extraConfig[key] ?? '') === value)) return;
  await context.task(() => machines.reconfigure({ machine: ref, changeVersion, extraConfig: values }, context.fence));
}

const leave = (context: Context): Promise<void> => tell(context, { [CONTAINER_KEYS.visit]: '' });

const announce: VisitStep = {
  name: 'announce',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const { record } = await ownContainer(context);
    const disks = await guestDisks(context, await theMachine(context, record), {
      record: { ...record, spec: { ...record.spec, mounts: [] } },
      mounted: [],
    });
    await tell(context, {
      [CONTAINER_KEYS.visit]: context.jobId,
      [CONTAINER_KEYS.disks]: JSON.stringify(disks),
      ...secretOf(context, record.name),
    });
    return {};
  },
  undoTask: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  undo: leave,
};

const stay: VisitStep = {
  name: 'stay',
  task: { method: 'PowerOffVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    const machine = await theMachine(context, (await ownContainer(context)).record);
    if (!machine.connected)
      throw new StowageError('vcenter-state', `the host of ${machine.name} does not answer at this moment`);
    if (machine.power === 'off') return {};
    if (context.now() < noted(context.notes.until)) return { laterMs: AGAIN_MS };
    await powerOff(context, machine);
    return {};
  },
};

const forget: VisitStep = {
  name: 'leave',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    await leave(context);
    return {};
  },
};

export const containerVisit: AnyKind = defineKind<OnContainer, Notes>({
  kind: 'container.visit',
  summary:
    'Switches the machine of a container that does not run on, so that its files can be read and written, until nobody asks for any. Submitted by Stowage.',
  role: 'viewer',
  lane: 'default',
  payload: z.strictObject(onContainer) as unknown as z.ZodType<OnContainer>,
  result: z.object({ id: z.string(), visited: z.boolean().describe('false: it runs') }),
  prepare: prepareThat,
  resources: ({ id }) => (id === undefined ? [] : [containerLine(id)]),
  joins: true,
  retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
  deadlineMs: 2 * LONGEST_MS,
  steps: [mark, announce, powerByDrs, power, stay, forget],
  finish: ({ payload }) => ({ id: noted(payload.id), visited: true }),
});
