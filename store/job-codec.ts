import type { ErrorFacts } from '../core/errors.ts';
import type { JobId, ResourceKey } from '../core/ids.ts';
import type { AttemptRecord, Failing, Job, JsonObject, StepRecord } from '../core/job.ts';
import type { JobState } from '../core/states.ts';

// A job's hash: kind, lane, payload, resources, stepNames, actor, max, deadlineMs, created, epoch, state, wake, natural, idem,
// traceparent, started, finished, retryAt, attempt, failures, losses, redrives, cancelBy, discardReason, failing, notes, result, error,
// parent, children, awaits (how many of them are open), `a:<n>` (attempts) and `s:<name>` (steps). Times are milliseconds since 1970; the scripts write them by Redis' clock.

export type Fields = ReadonlyMap<string, string>;

export function fieldsOf(flat: readonly string[]): Fields {
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] ?? '', flat[at + 1] ?? '');
  return fields;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
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

function decodeSteps(fields: Fields): readonly StepRecord[] {
  const names = JSON.parse(fields.get('stepNames') ?? '[]') as readonly string[];
  return names.map((name) => {
    const text = fields.get(`s:${name}`);
    return text === undefined ? { name, state: 'pending', begun: 0, tasks: [] } : (JSON.parse(text) as StepRecord);
  });
}

function optionalTimes(fields: Fields): Partial<Job> {
  const time = (name: string): string | undefined => (fields.has(name) ? iso(Number(fields.get(name))) : undefined);
  const startedAt = time('started');
  const finishedAt = time('finished');
  const retryAt = time('retryAt');
  return {
    ...(startedAt === undefined
      ? {}
      : { startedAt, deadlineAt: iso(Date.parse(startedAt) + Number(fields.get('deadlineMs') ?? '0')) }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(retryAt === undefined ? {} : { retryAt }),
  };
}

function optionalTexts(fields: Fields): Partial<Job> {
  const cancelRequestedBy = fields.get('cancelBy');
  const discardReason = fields.get('discardReason');
  const traceparent = fields.get('traceparent');
  const result = fields.get('result');
  const error = fields.get('error');
  const failing = fields.get('failing');
  const parent = fields.get('parent');
  return {
    ...(cancelRequestedBy === undefined ? {} : { cancelRequestedBy }),
    ...(discardReason === undefined ? {} : { discardReason }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(parent === undefined ? {} : { parent: parent as JobId }),
    ...(result === undefined ? {} : { result: JSON.parse(result) as JsonObject }),
    ...(error === undefined ? {} : { error: JSON.parse(error) as ErrorFacts }),
    ...(failing === undefined ? {} : { failing: JSON.parse(failing) as Failing }),
  };
}

export function decodeJob(id: JobId, fields: Fields): Job {
  return {
    id,
    kind: fields.get('kind') ?? '',
    state: (fields.get('state') ?? 'waiting') as JobState,
    payload: JSON.parse(fields.get('payload') ?? '{}') as JsonObject,
    steps: decodeSteps(fields),
    attempts: decodeAttempts(fields),
    maxAttempts: Number(fields.get('max') ?? '1'),
    resources: JSON.parse(fields.get('resources') ?? '[]') as readonly ResourceKey[],
    lane: fields.get('lane') ?? '',
    actor: fields.get('actor') ?? '',
    createdAt: iso(Number(fields.get('created') ?? '0')),
    children: JSON.parse(fields.get('children') ?? '[]') as readonly JobId[],
    redriveCount: Number(fields.get('redrives') ?? '0'),
    notes: JSON.parse(fields.get('notes') ?? '{}') as JsonObject,
    epoch: Number(fields.get('epoch') ?? '0'),
    ...optionalTimes(fields),
    ...optionalTexts(fields),
  };
}
