import { asStowageError, StowageError } from '../../core/errors.ts';
import type { JobId } from '../../core/ids.ts';
import type { Job, JsonObject } from '../../core/job.ts';
import type { SubmitOutcome } from '../../core/ports/jobs.ts';
import {
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  type ReferenceParts,
} from '../../core/reference.ts';
import { isJobOver } from '../../core/states.ts';
import { type Answer, KEEP_ALIVE, refusal } from './answer.ts';
import { messageOf } from './errors.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { createPullProgress, layersOf, overOf, type ProgressLine, type PullView } from './pull-progress.ts';
import { readRegistryAuth } from './registry-auth.ts';
import { resultOf, submitFor } from './run-job.ts';

/** How often progress is looked at. */
const LOOK_MS = 200;
/** The answer begins when the manifest is resolved, because a status tells errors best; a slow registry gets so much time. */
const RESOLVE_MS = 30_000;
/** A stream that has nothing to tell shows so often that it lives. */
const BEAT_MS = 15_000;

const IMPORT = 'importing an image from a tar archive is not supported: push it to a registry, then `docker pull` it';
const ALL_TAGS = 'pulling all tags of a repository is not supported: name a tag, as in `docker pull NAME:TAG`';

async function create(call: Call, parts: DockerParts): Promise<Answer> {
  if ((call.query.get('fromSrc') ?? '') !== '') return refusal(501, IMPORT);
  const reference = referenceOf(call.query);
  if (reference === undefined) return refusal(501, ALL_TAGS);
  const outcome = await submitPull(call, parts, reference);
  try {
    const job = await untilResolved(call, parts, outcome.id);
    if (job === undefined || (isJobOver(job.state) && job.state !== 'succeeded') || call.signal.aborted)
      await resultOf(job, outcome, call, parts);
  } catch (error) {
    throw explainPull(asStowageError(error), reference);
  }
  return { type: 'lines', lines: pullLines({ call, parts, outcome, reference }) };
}

/** undefined: no tag was named, which asks for all of them. @throws `reference-invalid` */
function referenceOf(query: URLSearchParams): ReferenceParts | undefined {
  const [name, tag] = [query.get('fromImage') ?? '', query.get('tag') ?? ''];
  const text = tag === '' ? name : tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`;
  const parts = parseReference(text);
  if (typeof parts === 'string') throw new StowageError('reference-invalid', `invalid reference format: ${parts}`);
  return parts.tag === undefined && parts.digest === undefined ? undefined : parts;
}

/** Credentials stay in this process' memory, until the job is over: the client may leave before. */
async function submitPull(call: Call, parts: DockerParts, reference: ReferenceParts): Promise<SubmitOutcome> {
  const credentials = readRegistryAuth(call.headers);
  const offer = credentials === undefined ? undefined : parts.credentials.offer(credentials);
  const platform = call.query.get('platform') ?? '';
  try {
    const outcome = await submitFor(call, parts, 'image.pull', {
      reference: canonicalReference(reference),
      ...(platform === '' ? {} : { platform: platform.toLowerCase() }),
      ...(offer === undefined ? {} : { credentials: offer.ticket }),
    });
    if (offer !== undefined) {
      void parts.jobs
        .waitUntilOver(outcome.id, call.stopping)
        .catch(() => undefined)
        .finally(() => offer.withdraw());
    }
    return outcome;
  } catch (error) {
    offer?.withdraw();
    throw error;
  }
}

async function untilResolved(call: Call, { jobs, clock }: DockerParts, id: JobId): Promise<Job | undefined> {
  const endMs = clock.monotonicMs() + RESOLVE_MS;
  for (;;) {
    const job = await jobs.waitUntilOver(id, AbortSignal.any([call.signal, AbortSignal.timeout(LOOK_MS)]));
    if (job === undefined || isJobOver(job.state) || layersOf(job) !== undefined) return job;
    if (call.signal.aborted || clock.monotonicMs() > endMs) return job;
  }
}

interface Pull {
  readonly call: Call;
  readonly parts: DockerParts;
  readonly outcome: SubmitOutcome;
  readonly reference: ReferenceParts;
}

async function* pullLines(pull: Pull): AsyncGenerator {
  const { call, parts, outcome, reference } = pull;
  const progress = createPullProgress();
  yield { status: `Pulling from ${reference.repository}`, id: shownId(reference) };
  let toldMs = parts.clock.monotonicMs();
  try {
    for (;;) {
      const job = await parts.jobs.waitUntilOver(
        outcome.id,
        AbortSignal.any([call.signal, AbortSignal.timeout(LOOK_MS)]),
      );
      const view = job === undefined ? undefined : await viewOf(parts, job);
      const lines = view === undefined ? [] : progress.update(view);
      yield* lines;
      if (job === undefined || isJobOver(job.state) || call.signal.aborted) {
        yield* endOf(reference, await resultOf(job, outcome, call, parts));
        return;
      }
      const nowMs = parts.clock.monotonicMs();
      if (lines.length === 0 && nowMs - toldMs >= BEAT_MS) yield KEEP_ALIVE;
      if (lines.length > 0 || nowMs - toldMs >= BEAT_MS) toldMs = nowMs;
    }
  } catch (thrown) {
    const message = messageOf(explainPull(asStowageError(thrown), reference), call.traceparent);
    yield { errorDetail: { message }, error: message };
  }
}

/** dockerd names the tag alone, but the whole name with a digest. */
function shownId(reference: ReferenceParts): string | undefined {
  return reference.digest === undefined ? reference.tag : canonicalReference(reference);
}

async function viewOf({ jobs }: DockerParts, job: Job): Promise<PullView | undefined> {
  const layers = layersOf(job);
  if (layers === undefined) return undefined;
  const isDone = job.state === 'succeeded';
  const children = layers.flatMap((layer) => (layer.job === undefined || layer.isThere || isDone ? [] : [layer.job]));
  const [progress, read] = await Promise.all([
    jobs.progress(children),
    Promise.all(children.map(async (id) => await jobs.read(id))),
  ]);
  return { layers, progress, over: overOf(read.filter((each) => each?.state === 'succeeded')), isDone };
}

function* endOf(reference: ReferenceParts, result: JsonObject): Generator<ProgressLine> {
  const name = familiarReference(canonicalReference(reference));
  const { digest } = result;
  if (typeof digest === 'string') yield { status: `Digest: ${digest}` };
  yield {
    status:
      result['status'] === 'up-to-date'
        ? `Status: Image is up to date for ${name}`
        : `Status: Downloaded newer image for ${name}`,
  };
}

/** In dockerd's words, which scripts and other tools look for. */
function explainPull(error: StowageError, reference: ReferenceParts): StowageError {
  const options = { ...error.details, cause: error };
  if (error.code === 'image-unknown') {
    const name = familiarReference(canonicalReference(reference));
    return new StowageError(error.code, `manifest for ${name} not found: manifest unknown: manifest unknown`, options);
  }
  if (error.code === 'registry-denied') {
    const name = familiarName(`${reference.registry}/${reference.repository}`);
    const reason = "repository does not exist or may require 'docker login'";
    return new StowageError(error.code, `pull access denied for ${name}, ${reason}: ${error.message}`, options);
  }
  return error;
}

export const pullRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/images/create',
    role: 'operator',
    support: { as: 'partial', missing: 'all tags at once (`pull -a`), `import` (`fromSrc`): 501' },
    handler: create,
  },
];
