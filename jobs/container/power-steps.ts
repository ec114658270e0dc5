import type { Moref } from '../../core/ids.ts';
import type { Step, StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { machineOfContainer, ownContainer, theMachine } from './container-of.ts';
import type { OnContainer } from './payloads.ts';
import { powerOff, type Starting, startByDrs, startOnHost } from './power.ts';

// Power for the machine of a container, by DRS or on a host that is chosen here: one of the two steps applies.

export interface PowerNotes {
  readonly machine: Moref;
  readonly starting: Starting;
}
type PowerStep = Step<OnContainer, PowerNotes>;
type Context = StepContext<OnContainer, PowerNotes>;

/** Off again. Not what runs since before this job. */
async function undoPower(context: Context): Promise<void> {
  const { record } = await ownContainer(context);
  const machine = await machineOfContainer(context, record);
  if (machine !== undefined) await powerOff(context, machine);
}

async function isOn(context: Context): Promise<object | undefined> {
  const { record } = await ownContainer(context);
  return (await theMachine(context, record)).power === 'on' ? {} : undefined;
}

const offTask = { method: 'PowerOffVM_Task', entity: ({ notes }: Context) => notes.machine };

export const powerByDrs: PowerStep = {
  name: 'power-by-drs',
  applies: ({ notes }) => notes.starting?.isDrs === true,
  task: { method: 'PowerOnMultiVM_Task' },
  probe: isOn,
  async run(context) {
    const machine = await theMachine(context, (await ownContainer(context)).record);
    if (machine.power !== 'on') await startByDrs(context, machine);
    return {};
  },
  undoTask: offTask,
  undo: undoPower,
};

export const power: PowerStep = {
  name: 'power',
  applies: ({ notes }) => notes.starting?.isDrs === false,
  task: { method: 'PowerOnVM_Task', entity: ({ notes }) => notes.machine },
  probe: isOn,
  async run(context) {
    const machine = await theMachine(context, (await ownContainer(context)).record);
    if (machine.power !== 'on') await startOnHost(context, machine, noted(context.notes.starting));
    return {};
  },
  undoTask: offTask,
  undo: undoPower,
};
