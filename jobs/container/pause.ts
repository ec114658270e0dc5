import { z } from 'zod';
import type { ContainerRecord } from '../../core/container.ts';
import type { Moref } from '../../core/ids.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import {
  busy,
  containerEvent,
  ignoreAlreadySo,
  moved,
  ownContainer,
  prepareThat,
  put,
  theMachine,
} from './container-of.ts';
import { type OnContainer, onContainer } from './payloads.ts';
import { containerLine } from './place.ts';

// Docker's pause is vSphere's suspend: the machine stands still, its memory lies on the datastore, its disks stay its own.

interface Notes {
  readonly machine: Moref;
}
type PauseStep = Step<OnContainer, Notes>;

interface Direction {
  readonly kind: string;
  readonly summary: string;
  readonly from: ContainerRecord['state'];
  readonly to: 'running' | 'paused';
  readonly power: 'on' | 'suspended';
  readonly wish: string;
}

const METHODS = { suspended: 'SuspendVM_Task', on: 'PowerOnVM_Task' } as const;

async function turn(context: StepContext<OnContainer, Notes>, wanted: Direction['power']): Promise<void> {
  const { record } = await ownContainer(context);
  const { ref, power } = await theMachine(context, record);
  if (power === wanted) return;
  const { suspend, on } = context.dataCentre.power;
  await ignoreAlreadySo(
    context.task(() => (wanted === 'suspended' ? suspend(ref, context.fence) : on(ref, undefined, context.fence))),
  );
}

function stepsOf({ from, to, power, wish }: Direction): readonly PauseStep[] {
  const mark: PauseStep = {
    name: 'mark',
    async run(context) {
      const { record } = await ownContainer(context);
      if (record.state === to && to === 'running') return { done: { id: record.name, changed: false } };
      if (record.state !== from) throw busy(record, wish);
      const { ref } = await theMachine(context, record);
      return { notes: { machine: ref } };
    },
  };
  const back = power === 'on' ? 'suspended' : 'on';
  const entity = ({ notes }: StepContext<OnContainer, Notes>) => notes.machine;
  const change: PauseStep = {
    name: 'power',
    task: { method: METHODS[power], entity },
    async run(context) {
      await turn(context, power);
      return {};
    },
    undoTask: { method: METHODS[back], entity },
    undo: (context) => turn(context, back),
  };
  const settle: PauseStep = {
    name: 'settle',
    isLocal: true,
    async run(context) {
      const own = await ownContainer(context);
      const record = moved(context, own.record, to);
      const type = to === 'paused' ? 'container.paused' : 'container.unpaused';
      return { records: [put(own, record)], events: [containerEvent(type, record)] };
    },
  };
  return [mark, change, settle];
}

function kindOf(direction: Direction): AnyKind {
  return defineKind<OnContainer, Notes>({
    kind: direction.kind,
    summary: direction.summary,
    role: 'operator',
    lane: 'default',
    payload: z.strictObject(onContainer) as unknown as z.ZodType<OnContainer>,
    result: z.object({ id: z.string(), changed: z.boolean() }),
    prepare: prepareThat,
    resources: ({ id }) => (id === undefined ? [] : [containerLine(id)]),
    joins: true,
    retry: { maxAttempts: 8, baseMs: 300, capMs: 15_000 },
    deadlineMs: 30 * 60 * 1_000,
    steps: stepsOf(direction),
    finish: ({ payload }) => ({ id: noted(payload.id), changed: true }),
  });
}

export const containerPause: AnyKind = kindOf({
  kind: 'container.pause',
  summary: 'Suspends the machine of a running container; its volumes stay its own.',
  from: 'running',
  to: 'paused',
  power: 'suspended',
  wish: 'paused',
});

export const containerUnpause: AnyKind = kindOf({
  kind: 'container.unpause',
  summary: 'Lets a paused container run on.',
  from: 'paused',
  to: 'running',
  power: 'on',
  wish: 'unpaused',
});
