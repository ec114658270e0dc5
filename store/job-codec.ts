import type { ErrorFacts } from '../core/errors.ts';
import type { JobId, ResourceKey } from '../core/ids.ts';
import type { AttemptRecord, Failing, Job, JsonObject, StepRecord } from '../core/job.ts';
import type { Submission } from '../core/ports/jobs.ts';
import type { JobState } from '../core/states.ts';

// A job's hash: kind, lane, spec (what else was said when it was submitted), resources (absent: none), created, epoch, state, wake, natural,
// idem, started, finished, retryAt, attempt, failures, losses, redrives, cancelBy, discardReason, failing, notes, result, error, children,
// awaits (how many of them are open), awaited (jobs wait for it), `a:<n>` (attempts) and `s:<name>` (steps). Times are milliseconds since
// 1970; the scripts write them by Redis' clock.

export type Fields = ReadonlyMap<string, string>;

export function fieldsOf(flat: readonly string[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? '', flat[at + 1] ?? '');
  return fields;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** One text: Redis holds and moves few fields for less than many. */
interface Spec {
  readonly payload: JsonObject;
  readonly stepNames: readonly string[];
  readonly actor: string;
  readonly maxAttempts: number;
  readonly deadlineMs: number;
  readonly traceparent?: string;
  readonly parent?: JobId;
}

export function encodeSpec(submission: Submission): string {
  const { payload, stepNames, actor, maxAttempts, deadlineMs, traceparent, parent } = submission;
  const spec: Spec = {
    payload,
    stepNames,
    actor,
    maxAttempts,
    deadlineMs,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(parent === undefined ? {} : { parent }),
  };
  return JSON.stringify(spec);
}

interface StoredAttempt {
  readonly number: number;
  readonly worker: string;
  readonly started: number;
  readonly finished?: number;
  readonly outcome: AttemptRecord['outcome'];
  readonly step?: string;
  readonly error?: ErrorFacts;
  readonly retryAt?: number;
}

function decodeAttempt(text: string): AttemptRecord {
  const stored = JSON.parse(text) as StoredAttempt;
  return {
    number: stored.number,
    worker: stored.worker,
    startedAt: iso(stored.started),
    outcome: stored.outcome,
    ...(stored.finished === undefined ? {} : { finishedAt: iso(stored.finished) }),
    ...(stored.step === undefined ? {} : { step: stored.step }),
    ...(stored.error === undefined ? {} : { error: stored.error }),
    ...(stored.retryAt === undefined ? {} : { retryAt: iso(stored.retryAt) }),
  };
}

export function encodeAttempt(attempt: AttemptRecord): string {
  const stored: StoredAttempt = {
    number: attempt.number,
    worker: attempt.worker,
    started: Date.parse(attempt.startedAt),
    outcome: attempt.outcome,
    ...(attempt.finishedAt === undefined ? {} : { finished: Date.parse(attempt.finishedAt) }),
    ...(attempt.step === undefined ? {} : { step: attempt.step }),
    ...(attempt.error === undefined ? {} : { error: attempt.error }),
    ...(attempt.retryAt === undefined ? {} : { retryAt: Date.parse(attempt.retryAt) }),
  };
  return JSON.stringify(stored);
}

function decodeAttempts(fields: Fields): readonly AttemptRecord[] {
  const attempts: AttemptRecord[] = [];
  const last = Number(fields.get('attempt') ?? '0');
  for (let number = 1; number <= last; number += 1) {
    const text = fields.get(`a:${number}`);
    if (text !== undefined) attempts.push(decodeAttempt(text));
  }
  return attempts;
}

function decodeSteps(fields: Fields, names: readonly string[]): readonly StepRecord[] {
  return names.map((name) => {
    const text = fields.get(`s:${name}`);
    return text === undefined ? { name, state: 'pending', begun: 0, tasks: [] } : (JSON.parse(text) as StepRecord);
  });
}

function optionalTimes(fields: Fields, deadlineMs: number): Partial<Job> {
  const time = (name: string): string | undefined => (fields.has(name) ? iso(Number(fields.get(name))) : undefined);
  const startedAt = time('started');
  const finishedAt = time('finished');
  const retryAt = time('retryAt');
  return {
    ...(startedAt === undefined ? {} : { startedAt, deadlineAt: iso(Date.parse(startedAt) + deadlineMs) }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}

function optionalTexts(fields: Fields): Partial<Job> {
  const cancelRequestedBy = fields.get('cancelBy');
  const discardReason = fields.get('discardReason');
  const result = fields.get('result');
  const error = fields.get('error');
  const failing = fields.get('failing');
  return {
    ...(cancelRequestedBy === undefined ? {} : { cancelRequestedBy }),
    ...(discardReason === undefined ? {} : { discardReason }),
    ...(result === undefined ? {} : { result: JSON.parse(result) as JsonObject }),
    ...(error === undefined ? {} : { error: JSON.parse(error) as ErrorFacts }),
    ...(failing === undefined ? {} : { failing: JSON.parse(failing) as Failing }),
  };
}

export function decodeJob(id: JobId, fields: Fields): Job {
  const { payload, stepNames, deadlineMs, ...said } = JSON.parse(fields.get('spec') ?? '{}') as Spec;
  return {
    ...said,
    id,
    kind: fields.get('kind') ?? '',
    state: (fields.get('state') ?? 'waiting') as JobState,
    payload,
    steps: decodeSteps(fields, stepNames),
    attempts: decodeAttempts(fields),
    resources: JSON.parse(fields.get('resources') ?? '[]') as readonly ResourceKey[],
    lane: fields.get('lane') ?? '',
    createdAt: iso(Number(fields.get('created') ?? '0')),
    children: JSON.parse(fields.get('children') ?? '[]') as readonly JobId[],
    redriveCount: Number(fields.get('redrives') ?? '0'),
    notes: JSON.parse(fields.get('notes') ?? '{}') as JsonObject,
    epoch: Number(fields.get('epoch') ?? '0'),
    ...optionalTimes(fields, deadlineMs),
    ...optionalTexts(fields),
  };
}
