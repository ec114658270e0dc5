import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { machineUuidOf, type Moref, parseMoref } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { branded, setByStowage } from '../branded.ts';
import { containerEvent } from '../container/container-of.ts';
import { chooseHost, clusterNamed } from '../container/power.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { readAll } from '../read-all.ts';
import { allMachines, machinesByUuid } from './affected.ts';
import { hostLine, hostNow, type OnHost, prepareHost } from './host-of.ts';

// A host emptied on request. DRS moves what runs there while the host goes into maintenance; where DRS is off, containers are moved first, one
// after another. Their records follow.

interface Payload extends OnHost {
  readonly timeoutSeconds?: number;
}
interface Notes {
  readonly isDrs: boolean;
  readonly cluster: Moref;
  readonly moved: number;
}
type Context = StepContext<Payload, Notes>;

const DEFAULT_TIMEOUT_SECONDS = 600;

const check: Step<Payload, Notes> = {
  name: 'check',
  async run(context) {
    const host = await hostNow(context, context.payload);
    if (host.inMaintenance) return { done: { host: host.name, drained: false, moved: 0 } };
    if (host.connection !== 'connected')
      throw new StowageError('vcenter-state', `host ${host.name} is ${host.connection}: it cannot be drained`);
    const { ref, drs } = await clusterNamed(context, context.world.containers?.cluster);
    return { notes: { isDrs: drs, cluster: ref } };
  },
};

const here = async (context: Context): Promise<readonly Machine[]> =>
  (await allMachines(context)).filter(({ host }) => host === context.payload.ref);

/** vMotion, one at a time; also those that are off, so that they can be started while the host is away. */
const migrate: Step<Payload, Notes> = {
  name: 'migrate',
  applies: ({ notes }) => notes.isDrs === false,
  task: { method: 'RelocateVM_Task' },
  async run(context) {
    const { hosts } = context.dataCentre;
    const except = [noted(context.payload.ref)];
    for (const machine of await here(context)) {
      const target = await chooseHost(context, machine, { cluster: noted(context.notes.cluster), except });
      await context.task(() => hosts.migrate(machine.ref, target, context.fence));
    }
    return {};
  },
};

const enter: Step<Payload, Notes> = {
  name: 'enter',
  task: { method: 'EnterMaintenanceMode_Task', entity: ({ payload }) => payload.ref },
  async probe(context) {
    return (await hostNow(context, context.payload)).inMaintenance ? {} : undefined;
  },
  async run(context) {
    const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = context.payload;
    const options = { timeoutSeconds, evacuateOff: true };
    try {
      await context.task(() =>
        context.dataCentre.hosts.enterMaintenance(noted(context.payload.ref), options, context.fence),
      );
    } catch (thrown) {
      const isIn = isErrorCode(thrown, 'vcenter-state') && (await hostNow(context, context.payload)).inMaintenance;
      if (!isIn) throw thrown;
    }
    return {};
  },
};

/** Of containers at which a job is, that job writes the host; of all others the watcher would, a little later. */
const follow: Step<Payload, Notes> = {
  name: 'follow',
  async run(context) {
    const machines = await machinesByUuid(context);
    let count = 0;
    for (const { record, rev } of await readAll(context, 'container')) {
      const [found] = machines.get(machineUuidOf(record.name)) ?? [];
      const { machine } = record;
      if (machine === undefined || machine.host !== context.payload.ref) continue;
      if (found?.host === undefined || found.host === machine.host) continue;
      count += 1;
      const next = { ...record, machine: { ...machine, host: found.host }, updatedAt: context.now() };
      const event = containerEvent('container.moved', next, { host: found.host });
      await context.records.observe([{ op: 'put', record: next, expectedRev: rev }], [event]);
    }
    return { notes: { moved: count } };
  },
};

const payload = {
  host: z.string().min(1).max(300).describe('By its name or moref'),
  ref: setByStowage(branded(parseMoref)),
};

export const hostDrain: AnyKind = defineKind<Payload, Notes>({
  kind: 'host.drain',
  summary: 'Moves everything off a host and puts it into maintenance.',
  role: 'admin',
  lane: 'default',
  payload: z.strictObject({
    ...payload,
    timeoutSeconds: z.int().min(0).max(86_400).optional().describe('For the host to become empty; default 600'),
  }) as unknown as z.ZodType<Payload>,
  result: z.object({
    host: z.string(),
    drained: z.boolean().describe('false: it was in maintenance already'),
    moved: z.int().describe('Containers'),
  }),
  prepare: prepareHost,
  resources: ({ host }) => [hostLine(host)],
  joins: true,
  retry: { maxAttempts: 5, baseMs: 500, capMs: 15_000 },
  deadlineMs: 24 * 60 * 60 * 1_000,
  steps: [check, migrate, enter, follow],
  finish: ({ payload: { host }, notes }) => ({ host, drained: true, moved: notes.moved ?? 0 }),
});

const leave: Step<OnHost, object> = {
  name: 'leave',
  task: { method: 'ExitMaintenanceMode_Task', entity: ({ payload: { ref } }) => ref },
  async run(context) {
    const host = await hostNow(context, context.payload);
    if (!host.inMaintenance) return { done: { host: host.name, undrained: false } };
    await context.task(() =>
      context.dataCentre.hosts.exitMaintenance(host.ref, { timeoutSeconds: DEFAULT_TIMEOUT_SECONDS }, context.fence),
    );
    return {};
  },
};

export const hostUndrain: AnyKind = defineKind<OnHost, object>({
  kind: 'host.undrain',
  summary: 'Takes a host out of maintenance.',
  role: 'admin',
  lane: 'default',
  payload: z.strictObject(payload) as unknown as z.ZodType<OnHost>,
  result: z.object({ host: z.string(), undrained: z.boolean().describe('false: it was not in maintenance') }),
  prepare: prepareHost,
  resources: ({ host }) => [hostLine(host)],
  joins: true,
  retry: { maxAttempts: 5, baseMs: 500, capMs: 15_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [leave],
  finish: ({ payload: { host } }) => ({ host, undrained: true }),
});
