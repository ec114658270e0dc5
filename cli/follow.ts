import { newIdempotencyKey, type Query } from './client.ts';
import { option, type Run } from './command.ts';
import { type Exit, Failure } from './failure.ts';
import { isOver, type JobDocument, jobSchema, nameOf } from './job.ts';
import { harmless, durationWords } from './output/words.ts';
import { createWatchLine } from './watch-line.ts';

// Submit, and wait: what every command that changes something does.

/** A wait of the API's ends as soon as the job does; a short one in between shows how far it is. */
const WATCHED_WAIT_SECONDS = 1;
const PLAIN_WAIT_SECONDS = 5;
/** Of whose progress somebody is told. */
const MOST_CHILDREN = 20;

export const submissionOptions = () => [
  option('-d, --detach', 'do not wait for the job: print its id'),
  option('--idempotency-key <key>', 'the same key with the same command is the same job, for 24 hours'),
];

interface Submission {
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
}

/** Submits a job and, unless --detach is given, waits for it and tells what came of it. */
export async function submit(run: Run, { method = 'POST', path, query, body }: Submission): Promise<Exit> {
  const key = run.options.text('idempotencyKey') ?? newIdempotencyKey();
  const answer = await run.client.call({
    method,
    path,
    query,
    ...(body === undefined ? {} : { body }),
    headers: { 'idempotency-key': key },
  });
  const isJoined = answer.headers['stowage-outcome'] === 'joined';
  return await tell(run, jobSchema.parse(answer.body), { isJoined });
}

interface Telling {
  /** An open job does the same, and this is it. */
  readonly isJoined?: boolean;
  /** The end that was asked for. */
  readonly hoped?: 'succeeded' | 'cancelled';
}

/** What follows on a job that was put on its way. */
export async function tell(run: Run, job: JobDocument, { isJoined = false, hoped }: Telling = {}): Promise<Exit> {
  if (!run.options.flag('detach')) {
    if (isJoined) run.out.note(`Job ${job.id} does the same already.`);
    return showEnd(run, await follow(run, job), hoped);
  }
  if (run.out.isJson) run.out.json(job);
  else run.out.line(job.id);
  return 'ok';
}

/** The job once it is over. @throws Failure interrupted, at Ctrl-C: the job goes on */
export async function follow(run: Run, begun: JobDocument): Promise<JobDocument> {
  const { client, io, out } = run;
  const line = createWatchLine(io, { isSilent: out.isJson || run.options.flag('quiet') });
  let job = begun;
  try {
    while (!isOver(job)) {
      line.show(job, io.isErrTerminal && !out.isJson ? await childrenOf(run, job) : []);
      const wait = io.isErrTerminal ? WATCHED_WAIT_SECONDS : PLAIN_WAIT_SECONDS;
      job = jobSchema.parse(await client.get(`v1/jobs/${job.id}`, { wait }, io.interrupted));
    }
    return job;
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
    line.clear();
    throw new Failure('interrupted', `no longer waiting; job ${job.id} (${nameOf(job)}) goes on`, {
      advice: `stowage job wait ${job.id}   waits for it again; stowage job cancel ${job.id}   ends it.`,
      cause: error,
    });
  } finally {
    line.clear();
  }
}

async function childrenOf({ client, io }: Run, { children }: JobDocument): Promise<readonly JobDocument[]> {
  const ids = children.slice(0, MOST_CHILDREN);
  return await Promise.all(
    ids.map(async (id) => jobSchema.parse(await client.get(`v1/jobs/${id}`, {}, io.interrupted))),
  );
}

/** What became of a job, and the exit that says so. */
export function showEnd({ out }: Run, job: JobDocument, hoped: Telling['hoped'] = 'succeeded'): Exit {
  const exit = job.state === hoped ? 'ok' : 'failed';
  if (out.isJson) {
    out.json(job);
    return exit;
  }
  const took =
    job.startedAt === null || job.finishedAt === null
      ? ''
      : ` after ${durationWords(Date.parse(job.finishedAt) - Date.parse(job.createdAt))}`;
  if (job.state === 'succeeded') {
    out.note(`${nameOf(job)}: done${took} (job ${job.id})`);
    const entries = Object.entries(job.result ?? {});
    if (entries.length > 0) out.detail(Object.fromEntries(entries));
    return exit;
  }
  if (job.state === 'cancelled') {
    out.note(`${nameOf(job)}: cancelled${took} (job ${job.id})`);
    return exit;
  }
  throw failureOfJob(job);
}

function failureOfJob(job: JobDocument): Failure {
  const { error, id, state, traceId } = job;
  const message = error?.message ?? `it ended as ${state}`;
  const next = state === 'dead' ? ` It is a dead letter now: stowage job show ${id}, job redrive ${id}.` : '';
  return new Failure('failed', harmless(`${nameOf(job)} failed: ${message}`), {
    advice: `${error?.advice ?? ''}${next}`.trim(),
    ...(error === null ? {} : { code: error.code }),
    ...(traceId === undefined ? {} : { traceId }),
  });
}
