import { z } from 'zod';
import { JOB_ID_FORM, parseJobId, MOREF_FORM, parseMoref } from '../../core/ids.ts';
import { branded } from '../branded.ts';
import { type AnyKind, defineKind } from '../define.ts';
import { noted } from '../noted.ts';
import { containerEvent, moved, prepareThat, put } from './container-of.ts';
import { onContainer } from './payloads.ts';
import { awaitHa, register, unregister } from './recover-home.ts';
import { mark } from './recover-mark.ts';
import { devices, power, settle, takeIn } from './recover-run.ts';
import { isMidway, type RecoverNotes, type RecoverPayload } from './recovery.ts';
import { resourcesOf } from './resources.ts';

// A container whose host was lost, brought back. vCenter's word that a host is silent proves no death: the locks on the machine's files do, and
// they are asked by powering on. Every step looks anew at what vCenter has registered, and a host that returns, or is lost, in between sends
// the job back to where it is still right.

/** A host may be cut off for long: its machines hold their locks, and the job waits for one of the two. */
const DAY_MS = 24 * 60 * 60 * 1_000;

export const containerRecover: AnyKind = defineKind<RecoverPayload, RecoverNotes>({
  kind: 'container.recover',
  summary:
    'Brings back a container whose host was lost: waits for vSphere HA, or registers its machine on another host and powers it on there.',
  role: 'operator',
  lane: 'recovery',
  payload: z.strictObject({
    ...onContainer,
    recovery: branded(parseJobId, 'is not the id of a job', JOB_ID_FORM)
      .optional()
      .describe('The `host.recover` that it is a part of'),
    host: branded(parseMoref, 'is not a moref', MOREF_FORM).optional().describe('The moref of the host that was lost'),
    since: z.iso.datetime().optional().describe('When it was lost'),
    reason: z.string().max(200).optional(),
  }) as unknown as z.ZodType<RecoverPayload>,
  result: z.object({
    id: z.string(),
    outcome: z.enum(['restarted-by-ha', 'rehomed', 'adopted', 'unchanged', 'gone']),
    machine: z.string().optional(),
    host: z.string().optional(),
    timeline: z.record(z.string(), z.iso.datetime()).optional(),
  }),
  prepare: prepareThat,
  resources: resourcesOf,
  joins: true,
  retry: {
    maxAttempts: 10,
    baseMs: 300,
    capMs: 20_000,
    patientWith: [
      'file-locked',
      'hosts-full',
      'vcenter-state',
      'vcenter-busy',
      'vcenter-conflict',
      // A Task that somebody cancelled, or vCenter when it stopped. Whoever wants the job cancelled cancels that.
      'job-cancelled',
    ],
  },
  deadlineMs: DAY_MS,
  steps: [mark, awaitHa, unregister, register, devices, power, takeIn, settle],
  finish: ({ payload, notes }) => ({
    id: noted(payload.id),
    outcome: noted(notes.outcome),
    machine: noted(notes.machine),
    ...(notes.host === undefined ? {} : { host: notes.host }),
    timeline: { ...noted(notes.timeline) },
  }),
  /** Nothing is taken back: the machine stays where it is, and a redrive goes on. */
  async abandon(context, error) {
    const own = await context.records.read('container', noted(context.payload.id));
    if (own === undefined || context.notes.before === undefined) return {};
    const { recovery: _, ...rest } = own.record;
    const record = isMidway(own.record.state)
      ? { ...rest, error: error.message, updatedAt: context.now() }
      : moved(context, own.record, 'dead', { error: `${error.code}: ${error.message}` });
    const failed = containerEvent('container.failed', record, { code: error.code, message: error.message });
    return { records: [put(own, record)], events: [failed] };
  },
});
