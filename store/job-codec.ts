import type { ErrorFacts } from '../core/errors.ts';
import type { JobId, ResourceKey } from '../core/ids.ts';
import type { AttemptRecord, Failing, Job, JsonObject, StepRecord } from '../core/job.ts';
import type { Submission } from '../core/ports/jobs.ts';
import type { JobState } from '../core/states.ts';

// A job's hash: kind, lane, spec (what else was said when it was submitted), resources (absent: none), created, epoch, state, wake, natural,
// idem, started, finished, retryAt, attempt, failures, losses, redrives, cancelBy, discardReason, discardBy, replacedBy, redriveRun, failing, notes, result, error, children,
// awaits (how many of them are open), awaited (jobs wait for it), `a:<n>` (attempts) and `s:<name>` (steps). Times are milliseconds since
// 1970; the scripts write them by Redis' clock.

export type Fields = ReadonlyMap<string, string>;

/** @param flat names and values by turns; of a name that comes twice the last value counts */
export function fieldsOf(...flat: readonly (readonly string[])[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (const each of flat)
    for (let at = 0; at + 1 < each.length; at += 2) fields.set(each[at] ?? '', each[at + 1] ?? '');
  return fields;
}

const RECENT = 256;
const recent: { readonly ms: number; readonly text: string }[] = [];

/** To write a date is slow, and the times of many jobs are the same: the last ones are kept. */
export function iso(ms: number): string {
  const place = Math.floor(ms) % RECENT;
  const known = recent[place];
  if (known?.ms === ms) return known.text;
  const text = new Date(ms).toISOString();
  recent[place] = { ms, text };
  return text;
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
  readonly redriveOf?: JobId;
}

export function encodeSpec(submission: Submission): string {
  const { payload, stepNames, actor, maxAttempts, deadlineMs, traceparent, parent, redriveOf } = submission;
  const spec: Spec = {
    payload,
    stepNames,
    actor,
    maxAttempts,
    deadlineMs,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(parent === undefined ? {} : { parent }),
    ...(redriveOf === undefined ? {} : { redriveOf }),
  };
  return JSON.stringify(spec);
}

/** An attempt as the scripts write it, too. */
export interface StoredAttempt {
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

export function encodeAttempt({ startedAt, finishedAt, retryAt, ...attempt }: AttemptRecord): StoredAttempt {
  return {
    ...attempt,
    started: Date.parse(startedAt),
    ...(finishedAt === undefined ? {} : { finished: Date.parse(finishedAt) }),
    ...(retryAt === undefined ? {} : { retryAt: Date.parse(retryAt) }),
  };
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

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** undefined: there is none, or it was written before this format, and nobody can run or show it; what it did is in vSphere. */
export function decodeStored(id: JobId, hash: Readonly<Record<string, string>>): Job | undefined {
  const isReadable = hash['kind'] !== undefined && hash['spec'] !== undefined;
  return isReadable ? decodeJob(id, new Map(Object.entries(hash))) : undefined;
}

/** Every attempt begins with it: fields that are absent cost nothing. */
export function decodeJob(id: JobId, fields: Fields): Job {
  const { payload, stepNames, deadlineMs, ...said } = JSON.parse(fields.get('spec') ?? '{}') as Spec;
  const job: Mutable<Job> = {
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
  };
  const started = fields.get('started');
  if (started !== undefined) {
    job.startedAt = iso(Number(started));
    job.deadlineAt = iso(Number(started) + deadlineMs);
  }
  const finished = fields.get('finished');
  if (finished !== undefined) job.finishedAt = iso(Number(finished));
  const retryAt = fields.get('retryAt');
  if (retryAt !== undefined) job.retryAt = iso(Number(retryAt));
  addTexts(job, fields);
  return job;
}

function addTexts(job: Mutable<Job>, fields: Fields): void {
  const cancelBy = fields.get('cancelBy');
  if (cancelBy !== undefined) job.cancelRequestedBy = cancelBy;
  const discardReason = fields.get('discardReason');
  if (discardReason !== undefined) job.discardReason = discardReason;
  const replacedBy = fields.get('replacedBy');
  if (replacedBy !== undefined) job.replacedBy = replacedBy as JobId;
  const redriveRun = fields.get('redriveRun');
  if (redriveRun !== undefined) job.redriveRun = redriveRun as JobId;
  const result = fields.get('result');
  if (result !== undefined) job.result = JSON.parse(result) as JsonObject;
  const error = fields.get('error');
  if (error !== undefined) job.error = JSON.parse(error) as ErrorFacts;
  const failing = fields.get('failing');
  if (failing !== undefined) job.failing = JSON.parse(failing) as Failing;
}
