import type { ContainerRecord } from '../../core/container.ts';
import type { Moref } from '../../core/ids.ts';
import type { LoggedEvent } from '../../core/ports/event-log.ts';
import type { Machine } from '../../core/ports/machines.ts';
import { isJobOver } from '../../core/states.ts';
import type { StepContext } from '../define.ts';
import { exitCodeIn } from './documents.ts';
import { KILLED } from './ending.ts';

type AnyContext = StepContext<unknown, unknown>;

/** exit: its run has ended. lost: its host died under it, and it is to be brought back. */
export type WhyOff = { readonly why: 'exit'; readonly exitCode: number } | { readonly why: 'lost' };

const AWAY = ['HostConnectionLostEvent', 'HostDisconnectedEvent', 'HostShutdownEvent'];
const BACK = ['HostConnectedEvent'];
const OFF = ['VmPoweredOffEvent'];
/** A host that crashed tells of its dead machines as soon as it is back; what goes off later has gone off by itself. */
const TOLD_BY_RETURN_MS = 60_000;

/**
 * Why a machine is off that was on, where nobody asked for it. Whatever looks like a failing host is no exit: a container with `--rm` would be
 * removed for it. The guest's own word decides; without it, vCenter must have told that it was turned off, and its host must have been there all
 * the time.
 *
 * @param machine connected and off
 */
export async function whyOff(
  context: AnyContext,
  record: Pick<ContainerRecord, 'machine' | 'run'>,
  machine: Machine,
): Promise<WhyOff> {
  const said = exitCodeIn(machine.extraConfig);
  if (said !== undefined) return { why: 'exit', exitCode: said };
  const log = await logSinceStart(context, record.run.startedAt);
  const off = (await log(OFF, machine.ref)).at(-1);
  // Nobody turned this one off: it was registered anew, and its recovery is not yet as far, or was forgotten with Redis.
  if (off === undefined) return { why: 'lost' };
  const hosts = [...new Set([record.machine?.host, machine.host].filter((host) => host !== undefined))];
  const { hosts: all } = await context.dataCentre.inventory.read(context.signal);
  for (const host of hosts) {
    const facts = all.find(({ ref }) => ref === host);
    if (facts?.connection !== 'connected') return { why: 'lost' };
    if (await isBeingRecovered(context, [host, facts.name])) return { why: 'lost' };
    if (await wentWithItsHost(log, host, off)) return { why: 'lost' };
  }
  return { why: 'exit', exitCode: KILLED };
}

async function isBeingRecovered({ jobs }: AnyContext, names: readonly string[]): Promise<boolean> {
  const { items } = await jobs.list({ kind: 'host.recover' }, { limit: 100 });
  return items.some(
    ({ state, payload: { host } }) => !isJobOver(state) && typeof host === 'string' && names.includes(host),
  );
}

type Log = (types: readonly string[], about: Moref) => Promise<readonly LoggedEvent[]>;

async function logSinceStart({ dataCentre, signal, now }: AnyContext, startedAt: string | undefined): Promise<Log> {
  const { clock } = await dataCentre.ping(signal);
  const startedMs = startedAt === undefined ? 0 : Date.parse(startedAt);
  const sinceMs = startedMs + Date.parse(clock) - Date.parse(now());
  return (types, about) => dataCentre.eventLog.read({ sinceMs, types, about }, signal);
}

/** Whether its host was away since it was started, and the machine has been off since. */
async function wentWithItsHost(log: Log, host: Moref, off: LoggedEvent): Promise<boolean> {
  const lastAway = (await log(AWAY, host)).at(-1);
  if (lastAway === undefined) return false;
  const back = (await log(BACK, host)).findLast(({ key }) => key > lastAway.key);
  if (back === undefined) return true;
  return Date.parse(off.at) - Date.parse(back.at) < TOLD_BY_RETURN_MS;
}
