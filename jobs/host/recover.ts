import { z } from 'zod';
import { type JobId, parseMoref } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import { isErrorCode } from '../../core/errors.ts';
import { isJobOver } from '../../core/states.ts';
import { branded, setByStowage } from '../branded.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { noted } from '../noted.ts';
import { homesWithoutMachine, registerHome } from '../container/homes.ts';
import { affectedBy, machinesByUuid } from './affected.ts';
import { findHost, hostLine, hostNow, hostSubject, type OnHost, prepareHost } from './host-of.ts';

// A host that stopped responding: a child for each of its containers that should run, all at once and the most important first; their lane
// bounds how many go on at a time. One that fails does not stop the others. When all are over it looks once more: the host may have come back
// and been lost again meanwhile.

interface Child {
  readonly container: string;
  readonly called: string;
  readonly job: JobId;
}
interface Notes {
  readonly hasHomes: boolean;
  /** The reconcile that makes the records of what was registered. */
  readonly adopting: JobId;
  readonly since: string;
  readonly connection: string;
  readonly children: readonly Child[];
  /** Not yet submitted, or under way. */
  readonly open: readonly Child[];
  readonly report: JsonObject;
}
type Context = StepContext<OnHost, Notes>;

const mark: Step<OnHost, Notes> = {
  name: 'mark',
  async run(context) {
    const { connection } = await hostNow(context, context.payload);
    const known = await findHost(context.records, context.payload.host).catch(() => undefined);
    const since = known === undefined || connection === 'connected' ? context.now() : known.updatedAt;
    const subject = hostSubject(context.payload.host);
    const data = { job: context.jobId, connection, since };
    return { notes: { since, connection }, events: [{ type: 'recovery.started', subject, data }] };
  },
};

/** Files of containers that only a recovery knew, which Redis has forgotten in the middle. */
const homes: Step<OnHost, Notes> = {
  name: 'homes',
  task: { method: 'RegisterVM_Task' },
  async run(context) {
    if (context.world.containers === undefined) return {};
    const lost = await homesWithoutMachine(context, await machinesByUuid(context));
    for (const id of lost) await registerHome(context, id);
    return lost.length === 0 ? {} : { notes: { hasHomes: true } };
  },
};

/** Then they need records. A reconcile that is under way may have looked before they were registered: it is waited for, and another follows. */
const adopt: Step<OnHost, Notes> = {
  name: 'adopt',
  applies: ({ notes }) => notes.hasHomes === true,
  async run(context) {
    const { adopting } = context.notes;
    if (adopting !== undefined) {
      const job = await context.jobs.read(adopting);
      return job === undefined || isJobOver(job.state) ? {} : { awaits: [adopting] };
    }
    const { outcome, id } = await context.submit('reconcile.run', {});
    return outcome === 'joined' ? { awaits: [id] } : { notes: { adopting: id }, awaits: [id] };
  },
};

const scan: Step<OnHost, Notes> = {
  name: 'scan',
  async run(context) {
    const children = context.notes.children ?? [];
    const handled = new Set(await endedFor(context, children));
    const affected = await affectedBy(context, noted(context.payload.ref));
    const open = affected
      .filter(({ name }) => !handled.has(name))
      .map(({ name, called }) => ({ container: name, called, job: context.newJobId() }));
    return { notes: { open, children: [...children, ...open] } };
  },
};

/** Containers of which this recovery has said its last word: another child would say the same. */
async function endedFor(context: Context, children: readonly Child[]): Promise<readonly string[]> {
  const last = new Map(children.map((child) => [child.container, child.job]));
  const jobs = await Promise.all([...last].map(async ([id, job]) => [id, await context.jobs.read(job)] as const));
  return jobs.flatMap(([id, job]) => (wasRecovered(job) ? [] : [id]));
}

function wasRecovered(job: Job | undefined): boolean {
  const outcome = job?.result?.['outcome'];
  return job?.state === 'succeeded' && outcome !== 'unchanged' && outcome !== 'gone';
}

const recoverAll: Step<OnHost, Notes> = {
  name: 'containers',
  applies: ({ notes }) => (notes.open ?? []).length > 0,
  async run(context) {
    const open = noted(context.notes.open);
    for (const child of open) await submitOnce(context, child);
    const jobs = await Promise.all(open.map(({ job }) => context.jobs.read(job)));
    const awaits = jobs.flatMap((job) => (job === undefined || isJobOver(job.state) ? [] : [job.id]));
    return awaits.length > 0 ? { awaits } : { notes: { open: [] }, backTo: 'scan' };
  },
};

async function submitOnce(context: Context, { container, job }: Child): Promise<void> {
  if ((await context.jobs.read(job)) !== undefined) return;
  const { payload, notes, jobId } = context;
  const wish = { container, recovery: jobId, host: noted(payload.ref), since: noted(notes.since) };
  try {
    await context.submit('container.recover', wish, job, { front: true });
  } catch (thrown) {
    // Removed since it was looked at.
    if (!isErrorCode(thrown, 'container-not-found')) throw thrown;
  }
}

const report: Step<OnHost, Notes> = {
  name: 'report',
  isLocal: true,
  async run(context) {
    const last = new Map(noted(context.notes.children).map((child) => [child.container, child]));
    const containers = await Promise.all(
      [...last.values()].map(async (child) => outcomeOf(child, await context.jobs.read(child.job))),
    );
    const count = (...outcomes: readonly string[]): number =>
      containers.filter(({ outcome }) => outcomes.includes(outcome)).length;
    const unchanged = count('unchanged', 'gone');
    const lost = count('lost');
    const counts = { recovered: containers.length - lost - unchanged, lost, unchanged };
    const subject = hostSubject(context.payload.host);
    const data = { job: context.jobId, ...counts };
    return {
      notes: { report: { ...counts, containers } },
      events: [{ type: 'recovery.finished', subject, data }],
    };
  },
};

interface ContainerOutcome extends JsonObject {
  readonly id: string;
  readonly name: string;
  readonly job: string;
  readonly outcome: string;
}

function outcomeOf({ container, called, job: id }: Child, job: Job | undefined): ContainerOutcome {
  const known = { id: container, name: called, job: id };
  if (job === undefined) return { ...known, outcome: 'gone' };
  const { outcome, host } = job.result ?? {};
  if (job.state === 'succeeded' && typeof outcome === 'string')
    return { ...known, outcome, ...(host === undefined ? {} : { host }) };
  const { code = 'internal-error', message = `the job is ${job.state}` } = job.error ?? {};
  return { ...known, outcome: 'lost', reason: code, message };
}

export const hostRecover: AnyKind = defineKind<OnHost, Notes>({
  kind: 'host.recover',
  summary:
    'Recovers the containers of a host that was lost, each in a job of its own; reports those that it could not.',
  role: 'operator',
  lane: 'recovery',
  payload: z.strictObject({
    host: z.string().min(1).max(300).describe('By its name or moref'),
    ref: setByStowage(branded(parseMoref)),
  }) as unknown as z.ZodType<OnHost>,
  result: z.object({
    recovered: z.int(),
    lost: z.int(),
    unchanged: z.int(),
    containers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        job: z.string(),
        outcome: z.string(),
        host: z.string().optional(),
        reason: z.string().optional(),
        message: z.string().optional(),
      }),
    ),
  }),
  prepare: prepareHost,
  resources: ({ host }) => [hostLine(host)],
  joins: true,
  retry: { maxAttempts: 10, baseMs: 300, capMs: 15_000, patientWith: ['vcenter-state', 'vcenter-busy'] },
  deadlineMs: 25 * 60 * 60 * 1_000,
  steps: [mark, homes, adopt, scan, recoverAll, report],
  finish: ({ notes }) => ({ ...noted(notes.report) }),
});
