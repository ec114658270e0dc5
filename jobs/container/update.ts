import { z } from 'zod';
import {
  CONTAINER_KEYS,
  type ContainerRecord,
  type ContainerSettings,
  type RestartPolicy,
} from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { Moref } from '../../core/ids.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { busy, containerEvent, ownContainer, prepareThat, put, theMachine } from './container-of.ts';
import { says } from './devices.ts';
import { encodeStatus } from './documents.ts';
import { coreMhz } from './machine.ts';
import { cpusSchema, memorySchema, type OnContainer, onContainer, restartSchema } from './payloads.ts';
import { containerLine, containersOf } from './place.ts';
import { sizeOf } from './spec.ts';

interface Payload extends OnContainer {
  readonly memoryBytes?: number;
  readonly nanoCpus?: number;
  readonly restart?: RestartPolicy;
}
interface Notes {
  readonly machine: Moref;
  readonly before: ContainerSettings;
}
type Context = StepContext<Payload, Notes>;

function settingsAfter({ payload }: Context, { settings }: ContainerRecord): ContainerSettings {
  return {
    memoryBytes: payload.memoryBytes ?? settings.memoryBytes,
    nanoCpus: payload.nanoCpus ?? settings.nanoCpus,
    restart: payload.restart ?? settings.restart,
  };
}

const check: Step<Payload, Notes> = {
  name: 'check',
  async run(context) {
    const { record } = await ownContainer(context);
    if (['creating', 'removing', 'recovering'].includes(record.state)) throw busy(record, 'updated');
    if (record.spec.autoRemove && context.payload.restart !== undefined && context.payload.restart.name !== 'no')
      throw new StowageError(
        'request-invalid',
        'Restart policy cannot be updated because AutoRemove is enabled for the container',
      );
    const machine = await theMachine(context, record);
    const isResized = settingsDiffer(settingsAfter(context, record), record.settings);
    if (isResized && machine.power !== 'off') {
      throw new StowageError(
        'container-busy',
        `container ${record.called} is ${record.state}: memory and CPUs of its machine can only be changed while it is stopped`,
      );
    }
    return { notes: { machine: machine.ref, before: record.settings } };
  },
};

function settingsDiffer(a: ContainerSettings, b: ContainerSettings): boolean {
  return a.memoryBytes !== b.memoryBytes || a.nanoCpus !== b.nanoCpus;
}

async function apply(context: Context, settings: ContainerSettings): Promise<void> {
  const { record } = await ownContainer(context);
  const machine = await theMachine(context, record);
  const { ref, changeVersion, power } = machine;
  const size = sizeOf(settings, containersOf(context.world), await coreMhz(context));
  const shape = power === 'off' ? { cpuLimitMhz: 'unlimited' as const, ...size } : {};
  const extraConfig = { [CONTAINER_KEYS.status]: encodeStatus({ ...record, settings }) };
  if (says(machine, extraConfig)) return;
  await context.task(() =>
    context.dataCentre.machines.reconfigure({ machine: ref, changeVersion, ...shape, extraConfig }, context.fence),
  );
}

const machine: Step<Payload, Notes> = {
  name: 'machine',
  task: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async run(context) {
    await apply(context, settingsAfter(context, (await ownContainer(context)).record));
    return {};
  },
  undoTask: { method: 'ReconfigVM_Task', entity: ({ notes }) => notes.machine },
  async undo(context) {
    if (context.notes.before !== undefined) await apply(context, context.notes.before);
  },
};

const settle: Step<Payload, Notes> = {
  name: 'settle',
  isLocal: true,
  async run(context) {
    const own = await ownContainer(context);
    const settings = settingsAfter(context, own.record);
    const record = { ...own.record, settings, updatedAt: context.now(), job: context.jobId };
    return { records: [put(own, record)], events: [containerEvent('container.updated', record)] };
  },
};

export const containerUpdate: AnyKind = defineKind<Payload, Notes>({
  kind: 'container.update',
  summary: 'Changes the memory and CPUs of a stopped container, and the restart policy of any.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({
    ...onContainer,
    memoryBytes: memorySchema.optional(),
    nanoCpus: cpusSchema.optional(),
    restart: restartSchema.optional(),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({ id: z.string() }),
  prepare: prepareThat,
  resources: ({ id }) => (id === undefined ? [] : [containerLine(id)]),
  joins: true,
  retry: { maxAttempts: 6, baseMs: 300, capMs: 15_000 },
  deadlineMs: 30 * 60 * 1_000,
  steps: [check, machine, settle],
  finish: ({ payload }) => ({ id: noted(payload.id) }),
});
