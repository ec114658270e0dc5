import type { ContainerRecord, ContainerRun } from '../../core/container.ts';
import type { JobId, Moref } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { StepContext } from '../define.ts';
import { containerEvent, type OwnContainer, put } from './container-of.ts';
import type { OnContainer } from './payloads.ts';

// What the steps of `container.recover` share.

export interface RecoverPayload extends OnContainer {
  /** The `host.recover` that it is a part of. */
  readonly recovery?: JobId;
  /** The host that was lost, and when. */
  readonly host?: Moref;
  readonly since?: string;
  readonly reason?: string;
}

/** When what happened: the story of one container, for people. ISO 8601. */
export interface Timeline {
  readonly detected: string;
  readonly marked: string;
  /** vSphere HA was given its time, up to here. */
  readonly waited?: string;
  readonly unregistered?: string;
  readonly rehomed?: string;
  readonly poweredOn?: string;
  readonly verified?: string;
}

export type Outcome = 'restarted-by-ha' | 'rehomed' | 'adopted';

export interface RecoverNotes {
  readonly before: ContainerRecord['state'];
  readonly shouldRun: boolean;
  readonly isHa: boolean;
  readonly cluster: Moref;
  /** Hosts that were lost, on which it is not to be put. */
  readonly lostHosts: readonly Moref[];
  /** All that its machine was registered as: holders of volumes are named so. */
  readonly refs: readonly Moref[];
  readonly shape: Pick<Machine, 'name' | 'disks' | 'vmxPath' | 'cpus' | 'memoryMib'>;
  readonly machine: Moref;
  /** For its next registration; null: it did not take it. */
  readonly chosen: Moref | null;
  readonly host: Moref;
  readonly run: ContainerRun;
  readonly outcome: Outcome;
  readonly timeline: Timeline;
  /** What the record says of why it waits, so that it is written once. */
  readonly told: string;
  readonly fullSince: string;
}
export type RecoverContext = StepContext<RecoverPayload, RecoverNotes>;

/** A job of somebody's has these, was displaced, and goes on when the recovery is over: they stay what they are. */
const MIDWAY: readonly ContainerRecord['state'][] = ['starting', 'stopping', 'removing'];

export function isMidway(state: ContainerRecord['state'] | undefined): boolean {
  return state !== undefined && MIDWAY.includes(state);
}

/** The job waits for something: the record says so, with the first attempt that meets it. */
export function tell(context: RecoverContext, own: OwnContainer, { code, message }: { code: string; message: string }) {
  const record = { ...own.record, error: message, updatedAt: context.now() };
  const data: JsonObject = { code, message };
  return {
    notes: { told: code },
    records: [put(own, record)],
    events: [containerEvent('container.recovering', record, data)],
  };
}

export function stamped(context: RecoverContext, change: Partial<Timeline>): { readonly timeline: Timeline } {
  const now = context.now();
  const begun: Timeline = context.notes.timeline ?? { detected: context.payload.since ?? now, marked: now };
  return { timeline: { ...begun, ...change } };
}
