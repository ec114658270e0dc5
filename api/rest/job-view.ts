import { z } from 'zod';
import type { ErrorFacts } from '../../core/errors.ts';
import type { AttemptRecord, Job, JobProgress, StepRecord, StepTask } from '../../core/job.ts';
import type { JobStore } from '../../core/ports/jobs.ts';
import { isJobOver, JOB_STATES, type JobState } from '../../core/states.ts';
import { explainError } from './problems.ts';

// A job as JSON. What is not there yet is null where every job has it in the end, and absent otherwise.

const time = z.iso.datetime();
const jobStates = Object.keys(JOB_STATES) as [JobState, ...JobState[]];
export const jobState = z.enum(jobStates);
const span = {
  startedAt: time.optional(),
  finishedAt: time.optional(),
  durationMs: z.int().optional().describe('Until now while it is under way'),
};

const jobError = z
  .object({
    type: z.string(),
    kind: z.string(),
    code: z.string(),
    message: z.string(),
    advice: z.string(),
    holder: z.string().optional(),
    fields: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    fault: z.unknown().optional().describe('The fault of vSphere, as it came'),
    fingerprint: z.string().optional().describe('Of a dead letter: the same for all that failed for the same reason'),
  })
  .meta({ id: 'JobError', description: 'Why a job or an attempt failed' });

const stepView = z
  .object({
    name: z.string(),
    state: z.enum(['pending', 'running', 'done', 'skipped', 'undone']),
    begun: z.int().describe('How many attempts have begun it'),
    ...span,
    progress: z.number().optional().describe('0 to 100, of the Task that is waited for'),
    tasks: z.array(
      z.object({
        method: z.string(),
        ref: z.string().describe('The Task in vSphere'),
        outcome: z.enum(['success', 'error', 'unknown']).optional(),
        ...span,
      }),
    ),
  })
  .meta({ id: 'Step' });

const attemptView = z
  .object({
    number: z.int(),
    worker: z.string(),
    outcome: z.enum(['running', 'succeeded', 'retry', 'dead', 'cancelled', 'lost', 'displaced', 'awaiting']),
    ...span,
    step: z.string().optional().describe('The step that was under way when it ended'),
    error: jobError.optional(),
    retryAt: time.optional(),
  })
  .meta({ id: 'Attempt' });

export const jobView = z
  .object({
    id: z.string(),
    kind: z.string(),
    state: jobState,
    payload: z.record(z.string(), z.unknown()),
    result: z.record(z.string(), z.unknown()).nullable(),
    error: jobError.nullable(),
    steps: z.array(stepView),
    attempts: z.array(attemptView),
    maxAttempts: z.int(),
    resources: z.array(z.string()).describe('In whose lines it stands or stood'),
    lane: z.string(),
    actor: z.string(),
    parent: z.string().optional().describe('The job that submitted it and waits for it'),
    children: z.array(z.string()).describe('The jobs that it waits for, or waited for'),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    retryAt: time.optional().describe('It waits, and not before this time does it run again'),
    deadlineAt: time.optional(),
    cancelRequestedBy: z.string().optional(),
    redriveCount: z.int(),
    discardReason: z.string().optional(),
    redriveOf: z.string().optional().describe('The dead letter that this one was made of, with another payload'),
    replacedBy: z.string().optional().describe('The job that was made of this one, with another payload'),
    redriveRun: z.string().optional().describe('The `dead.redrive` that put it back into its lines last'),
    traceId: z.string().optional(),
    notes: z.record(z.string(), z.unknown()).describe('Facts that its steps found'),
    waitingBehind: z
      .array(
        z.object({
          resource: z.string(),
          job: z.string().describe('At the head of the line'),
          ahead: z.int().describe('How many jobs stand before this one'),
        }),
      )
      .optional(),
    progress: z
      .object({ phase: z.string(), current: z.number(), total: z.number().optional() })
      .optional()
      .describe('What it told of itself in the last minute, e.g. bytes of a layer'),
    links: z.record(z.string(), z.string()).describe('What can be done now, by name'),
  })
  .meta({ id: 'Job' });
export type JobView = z.infer<typeof jobView>;

export type Standing = Awaited<ReturnType<JobStore['standing']>>;

/** What only a job that is under way has. */
export interface UnderWay {
  readonly standing?: Standing;
  readonly progress?: JobProgress | undefined;
}

export function viewJob(job: Job, nowMs: number, { standing = [], progress }: UnderWay = {}): JobView {
  return {
    id: job.id,
    kind: job.kind,
    state: job.state,
    payload: job.payload,
    result: job.result ?? null,
    error: job.error === undefined ? null : viewError(job.error),
    steps: job.steps.map((step) => viewStep(step, nowMs)),
    attempts: job.attempts.map((attempt) => viewAttempt(attempt, nowMs)),
    maxAttempts: job.maxAttempts,
    resources: [...job.resources],
    lane: job.lane,
    actor: job.actor,
    ...(job.parent === undefined ? {} : { parent: job.parent }),
    children: [...job.children],
    createdAt: job.createdAt,
    startedAt: job.startedAt ?? null,
    finishedAt: job.finishedAt ?? null,
    ...(job.retryAt === undefined ? {} : { retryAt: job.retryAt }),
    ...(job.deadlineAt === undefined ? {} : { deadlineAt: job.deadlineAt }),
    ...(job.cancelRequestedBy === undefined ? {} : { cancelRequestedBy: job.cancelRequestedBy }),
    redriveCount: job.redriveCount,
    ...(job.discardReason === undefined ? {} : { discardReason: job.discardReason }),
    ...(job.redriveOf === undefined ? {} : { redriveOf: job.redriveOf }),
    ...(job.replacedBy === undefined ? {} : { replacedBy: job.replacedBy }),
    ...(job.redriveRun === undefined ? {} : { redriveRun: job.redriveRun }),
    ...traceIdOf(job.traceparent),
    notes: job.notes,
    ...viewStanding(job, standing),
    ...(progress === undefined ? {} : { progress }),
    links: linksOf(job),
  };
}

function viewStanding(job: Job, standing: Standing): Pick<JobView, 'waitingBehind'> {
  const behind = standing.filter(({ head }) => head !== job.id);
  if (behind.length === 0) return {};
  return { waitingBehind: behind.map(({ resource, head, ahead }) => ({ resource, job: head, ahead })) };
}

function linksOf(job: Job): Record<string, string> {
  const self = `/v1/jobs/${job.id}`;
  return {
    self,
    events: `/v1/events?subject=job:${job.id}`,
    trail: `${self}/trail`,
    ...(isJobOver(job.state) ? {} : { cancel: `${self}/cancel` }),
    ...(job.state === 'dead' ? { redrive: `${self}/redrive`, discard: `${self}/discard` } : {}),
  };
}

function traceIdOf(traceparent: string | undefined): Pick<JobView, 'traceId'> {
  const traceId = traceparent?.split('-')[1];
  return traceId === undefined ? {} : { traceId };
}

function viewStep({ tasks, ...step }: StepRecord, nowMs: number): z.infer<typeof stepView> {
  return { ...step, ...durationOf(step, nowMs), tasks: tasks.map((task) => viewTask(task, nowMs)) };
}

function viewTask(task: StepTask, nowMs: number): StepTask & { readonly durationMs?: number } {
  return { ...task, ...durationOf(task, nowMs) };
}

function viewAttempt({ error, ...attempt }: AttemptRecord, nowMs: number): z.infer<typeof attemptView> {
  return {
    ...attempt,
    ...durationOf(attempt, nowMs),
    ...(error === undefined ? {} : { error: viewError(error) }),
  };
}

function viewError(facts: ErrorFacts): z.infer<typeof jobError> {
  const { fields, retryAfterMs: _retryAfterMs, ...rest } = explainError(facts);
  return { ...rest, ...(fields === undefined ? {} : { fields: [...fields] }) };
}

function durationOf(
  { startedAt, finishedAt }: { readonly startedAt?: string; readonly finishedAt?: string },
  nowMs: number,
): { readonly durationMs?: number } {
  if (startedAt === undefined) return {};
  const endMs = finishedAt === undefined ? nowMs : Date.parse(finishedAt);
  return { durationMs: Math.max(0, endMs - Date.parse(startedAt)) };
}
