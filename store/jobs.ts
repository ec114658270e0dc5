import { StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import type { JobStore, Submission, SubmitOutcome } from '../core/ports/jobs.ts';
import { isJobOver } from '../core/states.ts';
import type { Entries } from './entries.ts';
import { createFigures } from './figures.ts';
import { decodeStored, encodeSpec } from './job-codec.ts';
import { listJobs } from './job-list.ts';
import type { OverListener } from './over.ts';
import { readProgress } from './progress.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';
import { readEndsByMinute, readFailing } from './troubles.ts';

export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1_000;
export interface JobStoreParts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly entries: Entries;
  readonly over: OverListener;
  readonly lookAgainMs: number;
  readonly lanes: readonly string[];
}

export function createJobStore(parts: JobStoreParts): JobStore {
  const { client, prefix, scripts, entries, over } = parts;
  const jobKey = (id: JobId): string => `${prefix}job:${id}`;

  const read = async (id: JobId): Promise<Job | undefined> => {
    const hash = await client.hgetall(jobKey(id)).catch(raise);
    return decodeStored(id, hash);
  };

  return {
    async submit(submission) {
      const { id, kind, lane, resources, actor } = submission;
      const reply = replyOf(
        await scripts.run('submit', jobKey(id), [
          id,
          kind,
          lane,
          encodeSpec(submission),
          JSON.stringify({ kind, actor }),
          resources.length === 0 ? '' : JSON.stringify(resources),
          encodeRest(submission),
        ]),
      );
      if (reply[0] === 'lost') throw new StowageError('claim-lost', `job ${submission.parent} is another worker's now`);
      if (submission.redriveOf !== undefined) refuse(submission.redriveOf, reply[0]);
      return { outcome: reply[0] as SubmitOutcome['outcome'], id: reply[1] as JobId };
    },
    read,
    list: (filter, page) => listJobs({ client, prefix, scripts, filter, page }),
    async waitUntilOver(id, signal) {
      for (;;) {
        const turn = over.next(id, parts.lookAgainMs, signal);
        const job = await read(id);
        if (job === undefined || isJobOver(job.state) || signal.aborted) {
          turn.cancel();
          return job;
        }
        await turn.done;
      }
    },
    async standing(id) {
      const job = await read(id);
      if (job?.state !== 'waiting') return [];
      const places = await Promise.all(
        job.resources.map(async (resource) => {
          const line = `${prefix}line:${resource}`;
          const [rank, first] = await Promise.all([
            client.zrank(line, id).catch(raise),
            client.zrange(line, '0', '0').catch(raise),
          ]);
          return { resource, head: (first[0] ?? id) as JobId, ahead: rank ?? 0 };
        }),
      );
      return places.filter((place) => place.ahead > 0);
    },
    async cancel(id, actor) {
      const error = new StowageError('job-cancelled', `cancelled by ${actor}`);
      const reply = await scripts.run('cancel', jobKey(id), [id, actor, JSON.stringify(error.facts)]);
      if (reply === 'missing') throw noSuchJob(id);
      if (reply === 'over') throw new StowageError('job-not-cancellable', `job ${id} is already over`);
      return reply === 'cancelled' ? 'cancelled' : 'requested';
    },
    redrive: (id, actor) => settleDead(id, actor, 'redrive', ''),
    discard: (id, actor, reason) => settleDead(id, actor, 'discard', reason),
    figures: createFigures({ client, prefix, entries, lanes: parts.lanes }),
    endsByMinute: (minutes) => readEndsByMinute(client, prefix, minutes),
    failing: (sinceMs, limit) => readFailing(client, prefix, { sinceMs, limit }),
    progress: (ids) => readProgress(client, prefix, ids),
  };

  async function settleDead(id: JobId, actor: string, verb: 'redrive' | 'discard', reason: string): Promise<void> {
    const reply = await scripts.run('redrive', jobKey(id), [id, actor, verb, reason, '']);
    refuse(id, reply);
  }
}

/** What the scripts say of a job that should be a dead letter. */
function refuse(id: JobId, reply: unknown): void {
  if (reply === 'missing') throw noSuchJob(id);
  if (reply === 'not-dead') throw new StowageError('job-not-dead', `job ${id} is not a dead letter`);
}

/** What few submissions have, as submit.lua reads it. */
function encodeRest({ naturalKey, idempotency, front, parent, parentEpoch, redriveOf, actor }: Submission): string {
  const rest = {
    ...(naturalKey === undefined ? {} : { natural: naturalKey }),
    ...(idempotency === undefined
      ? {}
      : {
          idem: {
            key: `${idempotency.scope}:${idempotency.key}`,
            fingerprint: idempotency.fingerprint,
            ms: String(IDEMPOTENCY_MS),
          },
        }),
    ...(front === true ? { front } : {}),
    ...(parent === undefined || parentEpoch === undefined
      ? {}
      : { parent: { id: parent, epoch: String(parentEpoch) } }),
    ...(redriveOf === undefined ? {} : { redriveOf, actor }),
  };
  const text = JSON.stringify(rest);
  return text === '{}' ? '' : text;
}

function noSuchJob(id: JobId): StowageError {
  return new StowageError('job-not-found', `there is no job ${id}`);
}
