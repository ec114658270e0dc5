import { setTimeout as sleep } from 'node:timers/promises';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Moref } from '../../core/ids.ts';
import type { Step, StepResult } from '../define.ts';
import { noted } from '../noted.ts';
import { ownContainer } from './container-of.ts';
import { containersOf } from './place.ts';
import { chooseHost } from './power.ts';
import { type RecoverContext, type RecoverNotes, type RecoverPayload, stamped, tell } from './recovery.ts';
import { registrationsOf } from './registrations.ts';

type RecoverStep = Step<RecoverPayload, RecoverNotes>;

const FIRST_LOOK_MS = 250;
const LAST_LOOK_MS = 3_000;

/** vSphere HA has its time, counted from the loss of the host: a machine that it restarts is not touched. */
export const awaitHa: RecoverStep = {
  name: 'await-ha',
  applies: ({ notes }) => notes.isHa === true && notes.shouldRun === true,
  async run(context) {
    const until = Date.parse(noted(context.notes.timeline).detected) + context.world.recovery.haWaitMs;
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(pauseMs * 1.5, LAST_LOOK_MS)) {
      const { answering, all } = await registrationsOf(context, noted(context.payload.id));
      // vSphere HA restarts what vCenter knows.
      const isSettled = answering !== undefined || all.length === 0;
      const leftMs = until - Date.parse(context.now());
      if (isSettled || leftMs <= 0) return { notes: stamped(context, { waited: context.now() }) };
      context.progress({ phase: 'waiting for vSphere HA', current: 0 });
      await sleep(Math.min(pauseMs, leftMs), undefined, { signal: context.signal });
    }
  },
};

/**
 * Out of the inventory, where its host does not answer, once there is another host for it: what runs on a host that is cut off runs on, with
 * its locks. A crash here leaves a machine that only the record and its files know; the next step registers it.
 */
export const unregister: RecoverStep = {
  name: 'unregister',
  async run(context) {
    const { answering, lost } = await registrationsOf(context, noted(context.payload.id));
    if (answering !== undefined || lost.length === 0) return {};
    const host = await roomFor(context, 'unregister');
    if (typeof host !== 'string') return host;
    for (const { ref } of lost) await context.dataCentre.machines.unregister(ref, context.fence);
    const refs = [...new Set([...noted(context.notes.refs), ...lost.map(({ ref }) => ref)])];
    return { notes: { chosen: host, refs, ...stamped(context, { unregistered: context.now() }) } };
  },
};

/** The host, or what the step is to answer: that it fits nowhere is written to the record first. @throws `hosts-full` */
async function roomFor(context: RecoverContext, step: string): Promise<Moref | StepResult<RecoverNotes>> {
  const { cluster, lostHosts, shape, told, fullSince } = context.notes;
  try {
    return await chooseHost(context, noted(shape), { cluster: noted(cluster), except: noted(lostHosts) });
  } catch (thrown) {
    if (!isErrorCode(thrown, 'hosts-full')) throw thrown;
    const now = context.now();
    if (told !== 'hosts-full') {
      const { notes, ...rest } = tell(context, await ownContainer(context), thrown);
      return { ...rest, notes: { ...notes, fullSince: now }, backTo: step };
    }
    const fullMs = Date.parse(now) - Date.parse(fullSince ?? now);
    if (fullMs < context.world.recovery.roomWaitMs) throw thrown;
    throw new StowageError('hosts-full', thrown.message, { ...thrown.details, isFinal: true, cause: thrown });
  }
}

export const register: RecoverStep = {
  name: 'register',
  task: { method: 'RegisterVM_Task' },
  async run(context) {
    const id = noted(context.payload.id);
    const found = await registrationsOf(context, id);
    if (found.answering !== undefined) return { notes: registered(context, found.answering.ref) };
    if (found.lost.length > 0) return { backTo: 'unregister' };
    const { chosen } = context.notes;
    const host = chosen ?? (await roomFor(context, 'register'));
    if (typeof host !== 'string') return host;
    try {
      return {
        notes: {
          ...registered(context, await registerOn(context, host)),
          ...stamped(context, { rehomed: context.now() }),
        },
      };
    } catch (thrown) {
      if (isErrorCode(thrown, 'vcenter-not-found') && areFilesGone(thrown)) throw filesGone(thrown);
      // Lost, too, or full since it was chosen.
      const isStale = isErrorCode(thrown, 'vcenter-state', 'hosts-full') && typeof chosen === 'string';
      if (isStale) return { notes: { chosen: null }, backTo: 'register' };
      if (!isErrorCode(thrown, 'vcenter-exists')) throw thrown;
      // Its host came back at this moment and brought it along.
      if ((await registrationsOf(context, id)).all.length > 0) return { backTo: 'unregister' };
      throw thrown;
    }
  },
};

async function registerOn(context: RecoverContext, host: Moref): Promise<Moref> {
  const { machines, estates } = context.dataCentre;
  const { record } = await ownContainer(context);
  const { folder, pool } = await estates.ensure(containersOf(context.world), context.fence);
  const { vmxPath } = noted(context.notes.shape);
  const spec = { vmxPath: vmxPath ?? noted(record.machine).vmxPath, name: record.called, folder, pool, host };
  return machines.createdMachine(await context.task(() => machines.register(spec, context.fence)));
}

function registered(context: RecoverContext, machine: Moref): Partial<RecoverNotes> {
  return { machine, refs: [...new Set([...noted(context.notes.refs), machine])] };
}

/** Not the host or the folder: of these another is chosen, or made. */
function areFilesGone({ details: { fault } }: StowageError): boolean {
  return fault?.type === 'NotFound' || fault?.type === 'FileNotFound';
}

function filesGone(cause: StowageError): StowageError {
  return new StowageError('container-lost', 'its configuration file is not on the datastore any more', {
    ...cause.details,
    cause,
  });
}
