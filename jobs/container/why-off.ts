import type { ContainerRecord } from '../../core/container.ts';
import type { Moref } from '../../core/ids.ts';
import type { LoggedEvent } from '../../core/ports/event-log.ts';
import type { Machine } from '../../core/ports/machines.ts';
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
 * removed for it. The guest's own word decides; without it, its host must have been there all the time.
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
  const hosts = [...new Set([record.machine?.host, machine.host].filter((host) => host !== undefined))];
  const { hosts: all } = await context.dataCentre.inventory.read(context.signal);
  for (const host of hosts) {
    const facts = all.find(({ ref }) => ref === host);
    if (facts?.connection !== 'connected') return { why: 'lost' };
    if (await isBeingRecovered(context, [host, facts.name])) return { why: 'lost' };
    if (await wentWithItsHost(context, { host, machine: machine.ref, startedAt: record.run.startedAt }))
      return { why: 'lost' };
  }
  return { why: 'exit', exitCode: KILLED };
}

async function isBeingRecovered({ jobs }: AnyContext, names: readonly string[]): Promise<boolean> {
  for (const state of ['running', 'waiting'] as const) {
    const { items } = await jobs.list({ kind: 'host.recover', state }, { limit: 100 });
    if (items.some(({ payload: { host } }) => typeof host === 'string' && names.includes(host))) return true;
  }
  return false;
}

/** Whether its host was away since it was started, and the machine has been off since. */
async function wentWithItsHost(
  context: AnyContext,
  run: { readonly host: Moref; readonly machine: Moref; readonly startedAt: string | undefined },
): Promise<boolean> {
  const { dataCentre, signal } = context;
  const { clock } = await dataCentre.ping(signal);
  const startedMs = run.startedAt === undefined ? 0 : Date.parse(run.startedAt);
  const sinceMs = startedMs + Date.parse(clock) - Date.parse(context.now());
  const read = (types: readonly string[], about: Moref): Promise<readonly LoggedEvent[]> =>
    dataCentre.eventLog.read({ sinceMs, types, about }, signal);
  const lastAway = (await read(AWAY, run.host)).at(-1);
  if (lastAway === undefined) return false;
  const back = (await read(BACK, run.host)).findLast(({ key }) => key > lastAway.key);
  const off = (await read(OFF, run.machine)).at(-1);
  if (back === undefined || off === undefined) return true;
  return Date.parse(off.at) - Date.parse(back.at) < TOLD_BY_RETURN_MS;
}
