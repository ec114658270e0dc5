import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type ContainerName, type Moref, parseContainerName } from '../../core/ids.ts';
import type { RecordChange } from '../../core/record.ts';
import { branded, setByStowage } from '../branded.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { busy, containerEvent, ownContainer, prepareOnContainer, put, theMachine } from './container-of.ts';
import { CONTAINER_KEYS } from '../../core/container.ts';
import { says } from './devices.ts';
import { encodeStatus } from './documents.ts';
import { type OnContainer, nameSchema, onContainer } from './payloads.ts';
import { containerLine, nameLine } from './place.ts';
import { nameTaken } from './taken.ts';

// Both names are the container's until the machine has the new one: a crash in between frees neither.

interface Payload extends OnContainer {
  readonly name: ContainerName;
  readonly was?: ContainerName;
}
interface Notes {
  readonly machine: Moref;
  readonly was: ContainerName;
}
type Context = StepContext<Payload, Notes>;

const reserve: Step<Payload, Notes> = {
  name: 'reserve',
  async run(context) {
    const { record } = await ownContainer(context);
    const { name } = context.payload;
    if (record.called === name) {
      throw new StowageError('container-exists', `Renaming a container with the same name as its current name`);
    }
    if (record.called !== context.payload.was) throw busy(record, 'renamed: it was renamed meanwhile');
    if (record.state === 'creating' || record.state === 'removing') throw busy(record, 'renamed');
    const owner = await context.records.read('container-name', name);
    const isTaken =
      owner !== undefined &&
      owner.record.container !== record.name &&
      (await context.records.read('container', owner.record.container)) !== undefined;
    if (isTaken) throw nameTaken(name, owner.record.container);
    const { ref } = await theMachine(context, record);
    return {
      notes: { machine: ref, was: record.called },
      records: [
        { op: 'put', record: { type: 'container-name', name, container: record.name }, expectedRev: owner?.rev ?? 0 },
      ],
    };
  },
};

async function renameTo(context: Context, called: ContainerName): Promise<void> {
  const { record } = await ownContainer(context);
  const machine = await theMachine(context, record);
  if (machine.name === called) return;
  try {
    await context.task(() => context.dataCentre.machines.rename(machine.ref, called, context.fence));
  } catch (thrown) {
    if (!isErrorCode(thrown, 'vcenter-exists')) throw thrown;
    throw new StowageError(
      'container-exists',
      `vSphere has a machine named ${called} that is no container of Stowage's`,
      {
        cause: thrown,
      },
    );
  }
}

const machine: Step<Payload, Notes> = {
  name: 'machine',
  task: { method: 'Rename_Task', entity: ({ notes }) => notes.machine },
  run: async (context) => {
    await renameTo(context, context.payload.name);
    return {};
  },
  undoTask: { method: 'Rename_Task', entity: ({ notes }) => notes.machine },
  async undo(context) {
    if (context.notes.was !== undefined) await renameTo(context, context.notes.was);
  },
};

/** The name in the machine's own configuration: a name in the inventory may be changed by anybody. */
async function writeStatus(context: Context, called: ContainerName): Promise<void> {
  const { record } = await ownContainer(context);
  const machine = await theMachine(context, record);
  const { ref, changeVersion } = machine;
  const extraConfig = { [CONTAINER_KEYS.status]: encodeStatus({ ...record, called }) };
  if (says(machine, extraConfig)) return;
  await context.task(() =>
    context.dataCentre.machines.reconfigure({ machine: ref, changeVersion, extraConfig }, context.fence),
  );
}

const status: Step<Payload, Notes> = {
  name: 'status',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  run: async (context) => {
    await writeStatus(context, context.payload.name);
    return {};
  },
  undoTask: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async undo(context) {
    if (context.notes.was !== undefined) await writeStatus(context, context.notes.was);
  },
};

async function nameGone(context: Context, called: ContainerName): Promise<readonly RecordChange[]> {
  const owner = await context.records.read('container-name', called);
  if (owner === undefined || owner.record.container !== context.payload.id) return [];
  return [{ op: 'remove', type: 'container-name', name: called, expectedRev: owner.rev }];
}

const settle: Step<Payload, Notes> = {
  name: 'settle',
  isLocal: true,
  async run(context) {
    const own = await ownContainer(context);
    const was = noted(context.notes.was);
    const record = { ...own.record, called: context.payload.name, updatedAt: context.now(), job: context.jobId };
    return {
      records: [put(own, record), ...(await nameGone(context, was))],
      events: [containerEvent('container.renamed', record, { was })],
    };
  },
};

export const containerRename: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.rename',
  summary: 'Gives a container another name; its machine in vSphere gets it, too.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    name: nameSchema,
    was: setByStowage(branded(parseContainerName)),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string(), name: z.string() }),
  async prepare(payload, context) {
    const { record, volumes: _, ...prepared } = await prepareOnContainer(payload, context);
    return { ...prepared, was: record.called };
  },
  resources: ({ id, name, was }) => [
    ...(id === undefined ? [] : [containerLine(id)]),
    ...new Set([name, ...(was === undefined ? [] : [was])].map(nameLine)),
  ],
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [reserve, machine, status, settle],
  finish: ({ payload }) => ({ id: noted(payload.id), name: payload.name }),
  /** The new name is free again, unless the machine may still have it. */
  async abandon(context, _, undone) {
    if (!undone || context.notes.was === undefined) return {};
    return { records: await nameGone(context, context.payload.name) };
  },
});
