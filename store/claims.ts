import { type ErrorFacts, StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { AttemptRecord, Job } from '../core/job.ts';
import type { AcquireOutcome, Claim, Claims, Commit, JobEnd } from '../core/ports/jobs.ts';
import { type Death, encodeDeath } from './dead-groups.ts';
import { decodeJob, encodeAttempt, fieldsOf, iso, type StoredAttempt } from './job-codec.ts';
import { encodeChange } from './keys.ts';
import { showProgress } from './progress.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';

export interface ClaimsParts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly subscriber: RedisClient;
  readonly nowMs: () => number;
}

export function createClaims(parts: ClaimsParts): Claims {
  const { prefix, scripts, subscriber } = parts;
  const commitNumbers = new WeakMap<Claim, number>();
  const listeners = new Set<(signal: { readonly type: 'cancel' | 'lost'; readonly id: JobId }) => void>();
  const channel = `${prefix}signal`;
  subscriber.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const [type, id] = text.split(' ');
    if (type === 'cancel' || type === 'lost') for (const listen of listeners) listen({ type, id: id as JobId });
  });
  void subscriber.subscribe(channel).catch(() => undefined);

  return {
    async acquire(id, worker, wake) {
      const reply = await scripts.run('acquire', `${prefix}job:${id}`, [id, JSON.stringify(worker), wake]);
      return decodeAcquired(id, worker, reply as AcquireReply);
    },
    async commit(claim, commit) {
      const number = (commitNumbers.get(claim) ?? 0) + 1;
      commitNumbers.set(claim, number);
      const reply = replyOf(
        await scripts.run('commit', `${prefix}job:${claim.job.id}`, [
          claim.job.id,
          claim.epoch,
          number,
          ...encodeCommit(claim, commit, parts.nowMs()),
        ]),
      );
      if (reply[0] === 'lost')
        throw new StowageError('claim-lost', `the claim ${claim.epoch} on job ${claim.job.id} is another's now`);
      if (reply[0] === 'stale')
        throw new StowageError('record-stale', `the record ${reply[1] ?? ''} has changed meanwhile`);
    },
    async confirm(claim) {
      const key = `${prefix}job:${claim.job.id}`;
      const [epoch, state, cancelBy] = await parts.client.hmget(key, 'epoch', 'state', 'cancelBy').catch(raise);
      if (Number(epoch) !== claim.epoch || state !== 'running') return 'lost';
      return cancelBy === null ? 'held' : 'cancel';
    },
    showProgress: (claim, progress) => showProgress(parts.client, prefix, claim.job.id, progress),
    onSignal(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

type AcquireReply = readonly [outcome: string, ...facts: unknown[]];

function decodeAcquired(id: JobId, worker: string, reply: AcquireReply): AcquireOutcome {
  switch (reply[0]) {
    case 'acquired':
      return { outcome: 'acquired', claim: decodeClaim(id, worker, reply) };
    case 'early':
      return { outcome: 'early', delayMs: Number(reply[1]) };
    case 'behind':
      return { outcome: 'behind' };
    case 'over':
      return { outcome: 'over' };
    default:
      return { outcome: 'gone' };
  }
}

function decodeClaim(id: JobId, worker: string, reply: AcquireReply): Claim {
  const [, before, epoch, number, at, lost] = reply;
  const fields = fieldsOf(before as readonly string[], lost as readonly string[]);
  fields.set('state', 'running');
  fields.set('epoch', String(epoch));
  if (!fields.has('started')) fields.set('started', String(at));
  // It is tried now.
  fields.delete('retryAt');
  const job = decodeJob(id, fields);
  const attempt: AttemptRecord = { number: Number(number), worker, startedAt: iso(Number(at)), outcome: 'running' };
  return {
    job: { ...job, attempts: [...job.attempts, attempt] },
    epoch: job.epoch,
    attempt,
    failures: Number(fields.get('failures') ?? '0'),
    losses: Number(fields.get('losses') ?? '0'),
  };
}

/** The arguments of commit.lua behind the commit's number. */
function encodeCommit(claim: Claim, commit: Commit, nowMs: number): readonly (string | number)[] {
  const { end, records = [], events = [] } = commit;
  const fields: string[] = [];
  for (const step of commit.steps ?? []) fields.push(`s:${step.name}`, JSON.stringify(step));
  if (commit.failing !== undefined) fields.push('failing', JSON.stringify(commit.failing));
  if (commit.notes !== undefined) fields.push('notes', JSON.stringify(commit.notes));
  const write =
    records.length === 0 && events.length === 0
      ? ''
      : JSON.stringify({
          records: records.map(encodeChange),
          events: events.map(({ type, subject, data }) => ({ type, subject, data: JSON.stringify(data) })),
        });
  if (end === undefined) return [write, '', '', '', ...fields];
  const attempt = attemptAfter(claim, { end, step: commit.step, nowMs });
  fields.push(`a:${attempt.number}`, JSON.stringify(attempt));
  if (end.state === 'succeeded') fields.push('result', JSON.stringify(end.result));
  const death = end.state === 'dead' ? deathOf(claim.job, end.error, commit) : undefined;
  const error = death?.error ?? attempt.error;
  if (error !== undefined) fields.push('error', JSON.stringify(error));
  return [write, end.state, eventData(claim.job.kind, attempt), death?.text ?? encodePause(end), ...fields];
}

function deathOf(job: Job, error: ErrorFacts, { step, notes = job.notes }: Commit): Death {
  return encodeDeath({ ...job, notes }, error, step);
}

function encodePause(end: JobEnd): string {
  if (end.state === 'waiting') return JSON.stringify({ delay: Math.ceil(end.retryInMs), counts: end.counts });
  return end.state === 'awaiting' ? JSON.stringify({ children: end.children }) : '';
}

function attemptAfter(
  claim: Claim,
  how: { readonly end: JobEnd; readonly step: string | undefined; readonly nowMs: number },
): StoredAttempt {
  const { end, step, nowMs } = how;
  return {
    ...encodeAttempt(claim.attempt),
    finished: nowMs,
    outcome: end.state === 'waiting' ? 'retry' : end.state,
    ...(step === undefined ? {} : { step }),
    ...('error' in end ? { error: end.error } : {}),
    ...(end.state === 'waiting' ? { retryAt: nowMs + Math.ceil(end.retryInMs) } : {}),
  };
}

function eventData(kind: string, { number, error, retryAt }: StoredAttempt): string {
  return JSON.stringify({
    kind,
    attempt: number,
    ...(error === undefined ? {} : { code: error.code, message: error.message }),
    ...(retryAt === undefined ? {} : { retryAt: iso(retryAt) }),
  });
}
