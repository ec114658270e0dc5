import type { Logger } from 'pino';
import { StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { AttemptOutcome, AttemptRecord } from '../core/job.ts';
import type { AcquireOutcome, Claim, Claims, Commit, JobEnd } from '../core/ports/jobs.ts';
import type { EventType } from '../core/events.ts';
import { type Entries, parseWakes } from './entries.ts';
import { decodeJob, encodeAttempt, fieldsOf, iso } from './job-codec.ts';
import { encodeChange } from './keys.ts';
import { showProgress } from './progress.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';

const END_EVENTS: Readonly<Record<JobEnd['state'], EventType>> = {
  succeeded: 'job.succeeded',
  dead: 'job.dead',
  cancelled: 'job.cancelled',
  waiting: 'job.retrying',
  awaiting: 'job.awaiting',
};

export interface ClaimsParts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly entries: Entries;
  readonly subscriber: RedisClient;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

export function createClaims(parts: ClaimsParts): Claims {
  const { prefix, scripts, entries, subscriber } = parts;
  const commitNumbers = new WeakMap<Claim, number>();
  const listeners = new Set<(signal: { readonly type: 'cancel' | 'lost'; readonly id: JobId }) => void>();
  const channel = `${prefix}signal`;
  subscriber.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const [type, id] = text.split(' ');
    if (type === 'cancel' || type === 'lost') for (const listen of listeners) listen({ type, id: id as JobId });
  });
  void subscriber.subscribe(channel).catch(() => undefined);

  const addEntries = async (reply: readonly string[], from: number): Promise<void> => {
    if (reply.length <= from) return;
    await entries.add(parseWakes(reply, from)).catch((error: unknown) => {
      parts.logger.warn({ err: error }, 'an entry was not added; the sweep will');
    });
  };

  return {
    async acquire(id, worker, wake) {
      const reply = replyOf(await scripts.run('acquire', `${prefix}job:${id}`, [id, worker, wake]));
      if (reply[0] === 'over') await addEntries(reply, 1);
      return decodeAcquired(id, reply);
    },
    async commit(claim, commit) {
      const number = (commitNumbers.get(claim) ?? 0) + 1;
      commitNumbers.set(claim, number);
      const write = encodeCommit(claim, commit, parts.nowMs());
      const reply = replyOf(
        await scripts.run('commit', `${prefix}job:${claim.job.id}`, [
          claim.job.id,
          claim.epoch,
          number,
          JSON.stringify(write),
        ]),
      );
      if (reply[0] === 'lost')
        throw new StowageError('claim-lost', `the claim ${claim.epoch} on job ${claim.job.id} is another's now`);
      if (reply[0] === 'stale')
        throw new StowageError('record-stale', `the record ${reply[1] ?? ''} has changed meanwhile`);
      await addEntries(reply, 1);
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

function decodeAcquired(id: JobId, reply: readonly string[]): AcquireOutcome {
  switch (reply[0] ?? '') {
    case 'acquired': {
      const fields = fieldsOf(reply.slice(3));
      const job = decodeJob(id, fields);
      const attempt: AttemptRecord = job.attempts.at(-1) ?? {
        number: 1,
        worker: '',
        startedAt: iso(Number(reply[2])),
        outcome: 'running',
      };
      return {
        outcome: 'acquired',
        claim: {
          job,
          epoch: Number(reply[1]),
          attempt,
          failures: Number(fields.get('failures') ?? '0'),
          losses: Number(fields.get('losses') ?? '0'),
        },
      };
    }
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

interface EncodedWrite {
  readonly fields: Readonly<Record<string, string>>;
  readonly records?: readonly unknown[];
  readonly events?: readonly unknown[];
  readonly end?: Readonly<Record<string, unknown>>;
}

function encodeCommit(claim: Claim, commit: Commit, nowMs: number): EncodedWrite {
  const fields: Record<string, string> = {};
  for (const step of commit.steps ?? []) fields[`s:${step.name}`] = JSON.stringify(step);
  if (commit.failing !== undefined) fields['failing'] = JSON.stringify(commit.failing);
  if (commit.notes !== undefined) fields['notes'] = JSON.stringify(commit.notes);
  return {
    fields,
    ...(commit.records === undefined || commit.records.length === 0
      ? {}
      : { records: commit.records.map(encodeChange) }),
    ...(commit.events === undefined || commit.events.length === 0
      ? {}
      : {
          events: commit.events.map((event) => ({
            type: event.type,
            subject: event.subject,
            data: JSON.stringify(event.data),
          })),
        }),
    ...(commit.end === undefined ? {} : { end: encodeEnd(claim, commit.end, commit.step, nowMs) }),
  };
}

function encodeEnd(
  claim: Claim,
  end: JobEnd,
  step: string | undefined,
  nowMs: number,
): Readonly<Record<string, unknown>> {
  const outcome: AttemptOutcome = end.state === 'waiting' ? 'retry' : end.state;
  const error = 'error' in end ? end.error : undefined;
  const attempt: AttemptRecord = {
    ...claim.attempt,
    finishedAt: iso(nowMs),
    outcome,
    ...(step === undefined ? {} : { step }),
    ...(error === undefined ? {} : { error }),
    ...(end.state === 'waiting' ? { retryAt: iso(nowMs + end.retryInMs) } : {}),
  };
  return {
    state: end.state,
    number: attempt.number,
    attempt: encodeAttempt(attempt),
    event: END_EVENTS[end.state],
    eventData: JSON.stringify({
      kind: claim.job.kind,
      attempt: attempt.number,
      ...(error === undefined ? {} : { code: error.code, message: error.message }),
      ...(attempt.retryAt === undefined ? {} : { retryAt: attempt.retryAt }),
    }),
    ...(end.state === 'succeeded' ? { result: JSON.stringify(end.result) } : {}),
    ...(error === undefined ? {} : { error: JSON.stringify(error) }),
    ...(end.state === 'waiting' ? { delay: Math.ceil(end.retryInMs), counts: end.counts } : {}),
    ...(end.state === 'awaiting' ? { children: JSON.stringify(end.children) } : {}),
  };
}
