import { StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import type { JobFilter, JobStore, Page, PageRequest, Submission, SubmitOutcome } from '../core/ports/jobs.ts';
import { isJobOver, JOB_STATES } from '../core/states.ts';
import type { Entries } from './entries.ts';
import { createFigures } from './figures.ts';
import { decodeStored, encodeSpec } from './job-codec.ts';
import type { OverListener } from './over.ts';
import { readProgress } from './progress.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';
import { readEndsByMinute, readFailing } from './troubles.ts';

export const IDEMPOTENCY_MS = 24 * 60 * 60 * 1_000;
/** How many jobs one listing looks at when its filter matches few; the page may then be short, and goes on by its cursor. */
const SCAN_LIMIT = 2_000;

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
    list: (filter, page) => listJobs({ client, prefix, filter, page }),
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
    const reply = await scripts.run('redrive', jobKey(id), [id, actor, verb, reason]);
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

/** The narrowest indexes that the filter names; what they leave open is looked at job by job. Each job is in one of the states' indexes. */
function indexesOf(filter: JobFilter): readonly string[] {
  if (filter.resource !== undefined) return [`jobs:of:${filter.resource}`];
  if (filter.state !== undefined) return [filter.state].flat().map((state) => `jobs:state:${state}`);
  if (filter.kind !== undefined) return [`jobs:kind:${filter.kind}`];
  return Object.keys(JOB_STATES).map((state) => `jobs:state:${state}`);
}

function matches(job: Job, filter: JobFilter): boolean {
  return (
    (filter.state === undefined || [filter.state].flat().includes(job.state)) &&
    (filter.kind === undefined || job.kind === filter.kind) &&
    (filter.actor === undefined || job.actor === filter.actor) &&
    (filter.resource === undefined || job.resources.includes(filter.resource))
  );
}

async function listJobs(query: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly filter: JobFilter;
  readonly page: PageRequest;
}): Promise<Page<Job>> {
  const { client, prefix, filter, page } = query;
  const items: Job[] = [];
  let cursor = page.cursor;
  for (let looked = 0; looked < SCAN_LIMIT; ) {
    const ids = await newest(
      client,
      indexesOf(filter).map((name) => `${prefix}${name}`),
      { cursor, count: page.limit + 1 },
    );
    for (const id of await readMany(client, prefix, ids)) {
      if (id.job !== undefined && matches(id.job, filter)) {
        if (items.length === page.limit) return { items, ...(cursor === undefined ? {} : { next: cursor }) };
        items.push(id.job);
      }
      cursor = id.id;
    }
    looked += ids.length;
    if (ids.length <= page.limit) return { items };
  }
  return { items, ...(cursor === undefined ? {} : { next: cursor }) };
}

/** At one moment, since a job may move from one index to another. */
async function newest(
  client: RedisClient,
  indexes: readonly string[],
  page: { readonly cursor: string | undefined; readonly count: number },
): Promise<readonly string[]> {
  const from = page.cursor === undefined ? '+' : `(${page.cursor}`;
  const reads = client.multi();
  for (const index of indexes) reads.zrevrangebylex(index, from, '-', 'LIMIT', 0, page.count);
  const replies = (await reads.exec().catch(raise)) ?? [];
  const ids = replies.flatMap(([, found]) => found as readonly string[]);
  return ids.toSorted((a, b) => (a < b ? 1 : -1)).slice(0, page.count);
}

async function readMany(
  client: RedisClient,
  prefix: string,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly job: Job | undefined }[]> {
  if (ids.length === 0) return [];
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hgetall(`${prefix}job:${id}`);
  const replies = (await pipeline.exec().catch(raise)) ?? [];
  return ids.map((id, at) => {
    const hash = (replies[at]?.[1] ?? {}) as Record<string, string>;
    return { id, job: decodeStored(id as JobId, hash) };
  });
}
