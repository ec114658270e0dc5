import { type Span, SpanKind } from '@opentelemetry/api';
import type { ErrorCode } from '../core/error-codes.ts';
import { asStowageError, dispositionOf, StowageError } from '../core/errors.ts';
import type { JobId } from '../core/ids.ts';
import type { Failing, JsonObject } from '../core/job.ts';
import type { Entry, EntryVerdict } from '../core/ports/entries.ts';
import type { Claim, JobEnd } from '../core/ports/jobs.ts';
import type { AnyKind, StepContext } from '../jobs/define.ts';
import type { Trails } from '../core/ports/trail.ts';
import type { Catalogue } from '../jobs/registry.ts';
import { parsePayload } from '../jobs/submit.ts';
import { witnessed } from '../platform/witness.ts';
import { backoffMs } from './backoff.ts';
import { ClaimFence, type Interruption } from './claim-fence.ts';
import { Run, type Workshop } from './run.ts';
import { contextOfTrace, inSpan, markFailed } from './spans.ts';
import { runStep } from './step-runner.ts';
import { AttemptTrail } from './trail.ts';
import { undoSteps } from './undo.ts';

/** So often may a job's workers die under it before a person must look: it may be the job that kills them. */
const MAX_LOSSES = 10;
/** A kind that this worker does not know waits for one that does (a newer version that is being rolled out). */
const UNKNOWN_KIND_RETRY_MS = 5_000;

/** Nobody could have run any job: no attempt is spent, and the deadline bounds how long it is tried. */
const OUTAGES: readonly ErrorCode[] = [
  'vcenter-unreachable',
  'vcenter-login-refused',
  'vcenter-untrusted',
  'redis-unavailable',
];

const NOT_YET = {
  state: 'waiting',
  error: new StowageError('not-yet', 'the job waits for its time').facts,
  counts: false,
} as const;

export interface Executor {
  /** Runs one attempt of the job that the entry names, if its turn has come. Never rejects because of the job. */
  handle(entry: Entry): Promise<EntryVerdict>;
  /** Interrupts what runs; each attempt is given back to the queue and another worker goes on with it. */
  shutDown(): void;
}

export interface ExecutorParts extends Workshop {
  readonly catalogue: Catalogue;
  readonly trails: Trails;
  /** Names this process to people. */
  readonly worker: string;
  readonly inLogContext: <T>(context: { readonly job: string; readonly kind: string }, work: () => T) => T;
}

/** The machinery that is common to all kinds: claim, steps, retries, undo, dead letters. */
export function createExecutor(parts: ExecutorParts): Executor {
  const running = new Map<JobId, ClaimFence>();
  let isShuttingDown = false;
  parts.claims.onSignal((signal) =>
    running.get(signal.id)?.interrupt(signal.type === 'cancel' ? 'cancelled' : 'claim-lost'),
  );

  return {
    async handle(entry) {
      if (isShuttingDown) return { delayMs: 0 };
      const acquired = await parts.claims.acquire(entry.id, parts.worker, entry.wake);
      switch (acquired.outcome) {
        case 'early':
          return { delayMs: acquired.delayMs };
        case 'behind':
        case 'over':
        case 'gone':
          return 'done';
        case 'acquired':
          return attempt(acquired.claim, entry);
      }
    },
    shutDown() {
      isShuttingDown = true;
      for (const fence of running.values()) fence.interrupt('shutdown');
    },
  };

  async function attempt(claim: Claim, entry: Entry): Promise<EntryVerdict> {
    const { job } = claim;
    const fence = new ClaimFence(claim, entry.lockMs, () => parts.clock.monotonicMs());
    const guard = guardClaim(claim, fence, entry);
    const trail = new AttemptTrail(parts.trails, {
      job: job.id,
      attempt: claim.attempt.number,
      nowMs: () => parts.clock.nowMs(),
    });
    running.set(job.id, fence);
    try {
      const run = (span: Span): Promise<EntryVerdict> =>
        witnessed(trail, () => runAttempt({ claim, fence, span, trail, entry, watchUndo: guard.watch }));
      return await parts.inLogContext({ job: job.id, kind: job.kind }, () =>
        inSpan(
          `job ${job.kind}`,
          {
            'stowage.job.id': job.id,
            'stowage.job.kind': job.kind,
            'stowage.attempt': claim.attempt.number,
            'stowage.worker': parts.worker,
          },
          run,
          { parent: contextOfTrace(job.traceparent), kind: SpanKind.CONSUMER },
        ),
      );
    } catch (thrown) {
      const error = asStowageError(thrown);
      // Nothing may be written any more: whoever has the claim now, or the sweep, goes on.
      const level = error.code === 'claim-lost' ? 'info' : 'error';
      parts.logger[level]({ job: job.id, kind: job.kind, err: error }, 'the attempt was given up');
      return 'done';
    } finally {
      trail.close();
      running.delete(job.id);
      guard.end();
    }
  }

  /** Lets the fence know when the claim is lost, and confirms it from time to time while nothing is written. */
  function guardClaim(claim: Claim, first: ClaimFence, entry: Entry): { watch(fence: ClaimFence): void; end(): void } {
    const fences = [first];
    const onLockLost = (): void => {
      for (const fence of fences) fence.interrupt('claim-lost');
    };
    entry.lockLost.addEventListener('abort', onLockLost, { once: true });
    const timer = setInterval(() => {
      const askedAt = parts.clock.monotonicMs();
      parts.claims.confirm(claim).then(
        (said) => {
          if (said === 'lost') return onLockLost();
          for (const fence of fences) fence.confirm(askedAt);
          // What is being undone goes on.
          if (said === 'cancel') first.interrupt('cancelled');
        },
        () => undefined,
      );
    }, entry.lockMs / 5);
    const deadlineAt = claim.job.deadlineAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(claim.job.deadlineAt);
    const leftMs = deadlineAt - parts.clock.nowMs();
    const deadline = Number.isFinite(leftMs)
      ? setTimeout(() => first.interrupt('deadline'), Math.min(Math.max(0, leftMs), 2 ** 31 - 1))
      : undefined;
    return {
      watch: (fence) => void fences.push(fence),
      end: () => {
        clearInterval(timer);
        clearTimeout(deadline);
        entry.lockLost.removeEventListener('abort', onLockLost);
      },
    };
  }

  async function runAttempt(attempt: Attempt): Promise<EntryVerdict> {
    const { claim, fence, span, trail } = attempt;
    const { job } = claim;
    const kind = parts.catalogue.find(job.kind);
    if (kind === undefined) return postponeUnknownKind(attempt);
    const open = (payload: unknown): Run => new Run(parts, { claim, kind, payload, fence, span, trail });
    let ready: Run;
    try {
      ready = open(parsePayload(kind, job.payload, parts.world));
    } catch (thrown) {
      // Stored payloads were good once; a configuration that no longer has their store makes them bad.
      return end(open(undefined), { state: 'dead', error: asStowageError(thrown).facts });
    }
    if (job.failing !== undefined) return abandon(ready, job.failing, attempt);
    if (job.cancelRequestedBy !== undefined) fence.interrupt('cancelled');
    if (claim.losses > MAX_LOSSES) {
      const error = new StowageError('worker-lost', `${claim.losses} workers died while they ran this job`);
      return abandon(ready, { end: 'dead', error: error.facts, tries: 0 }, attempt);
    }
    try {
      return await goForward(ready);
    } catch (thrown) {
      return fail(ready, thrown, attempt);
    }
  }

  async function goForward(run: Run): Promise<EntryVerdict> {
    const { steps } = run.kind;
    for (let at = 0; at < steps.length; at += 1) {
      const step = steps[at];
      if (step === undefined || run.step(step.name).state === 'done') continue;
      run.fence.signal.throwIfAborted();
      if (step.applies?.(endContext(run, run.fence)) === false) {
        run.setStep({ ...run.step(step.name), state: 'skipped' });
        continue;
      }
      const result = await runStep(run, step, parts.dataCentre);
      if (result.backTo !== undefined) at = goBack(run, result.backTo) - 1;
      if (result.awaits !== undefined) return end(run, { state: 'awaiting', children: result.awaits });
      if (result.laterMs !== undefined) return end(run, { ...NOT_YET, retryInMs: result.laterMs });
      if (result.done !== undefined) {
        skipTheRest(run);
        return end(run, { state: 'succeeded', result: result.done });
      }
    }
    return end(run, { state: 'succeeded', result: run.kind.finish(endContext(run, run.fence)) });
  }

  async function end(run: Run, how: JobEnd): Promise<EntryVerdict> {
    run.current = how.state === 'succeeded' ? undefined : run.current;
    await run.flush(how);
    // The job itself tells its end.
    run.trail.close();
    parts.logger.info({ state: how.state, ...('error' in how ? { code: how.error.code } : {}) }, `job ${how.state}`);
    return how.state === 'waiting' ? { delayMs: how.retryInMs } : 'done';
  }

  async function fail(run: Run, thrown: unknown, attempt: Attempt): Promise<EntryVerdict> {
    const error =
      run.fence.interruption === undefined
        ? asStowageError(thrown)
        : errorOfInterruption(run.fence.interruption, run, thrown);
    if (run.fence.interruption === 'shutdown')
      return end(run, { state: 'waiting', error: error.facts, retryInMs: 0, counts: false });
    if (error.code === 'claim-lost') throw error;
    markFailed(run.span, error);
    const isWaitedOut =
      run.fence.interruption === undefined &&
      error.details.isFinal !== true &&
      (run.kind.retry.patientWith ?? []).includes(error.code);
    if (error.code === 'job-cancelled' && !isWaitedOut)
      return abandon(run, { end: 'cancelled', error: error.facts, tries: 0 }, attempt);
    const { failures } = run.claim;
    const counts = !isWaitedOut && !OUTAGES.includes(error.code);
    const isLast = counts && failures + 1 >= run.claim.job.maxAttempts;
    const isFatal = error.details.isFinal === true || (dispositionOf(error.code) === 'fatal' && !isWaitedOut);
    if (isFatal || isLast) {
      parts.logger.warn({ err: error, step: run.current }, 'the job failed for good');
      return abandon(run, { end: 'dead', error: error.facts, tries: 0 }, attempt);
    }
    const tries = counts ? failures : run.claim.attempt.number - 1;
    const retryInMs = Math.max(error.details.retryAfterMs ?? 0, backoffMs(run.kind.retry, tries, parts.random()));
    parts.logger.warn({ err: error, step: run.current, retryInMs }, 'the attempt failed; another follows');
    return end(run, { state: 'waiting', error: error.facts, retryInMs, counts });
  }

  /** Undoes, then ends: as a dead letter, or cancelled. Interrupted by nothing but the loss of the claim and shutdown. */
  async function abandon(run: Run, asked: Failing, attempt: Attempt): Promise<EntryVerdict> {
    // The step at which it failed is told with its end, also by a worker that only went on undoing.
    run.current ??= asked.step;
    const failing = run.current === undefined ? asked : { ...asked, step: run.current };
    const fence = run.fence.forUndo();
    attempt.watchUndo(fence);
    running.set(run.claim.job.id, fence);
    const undo = await undoSteps(run, failing, fence, parts.dataCentre);
    if (undo.outcome === 'later') {
      const retryInMs =
        fence.interruption === 'shutdown' ? 0 : backoffMs(run.kind.retry, failing.tries + 1, parts.random());
      return end(run, { state: 'waiting', error: undo.error, retryInMs, counts: false });
    }
    run.take((await run.kind.abandon?.(endContext(run, fence), failing.error, undo.outcome === 'undone')) ?? {});
    return end(run, { state: failing.end, error: failing.error });
  }

  async function postponeUnknownKind({ claim, fence, span, trail }: Attempt): Promise<EntryVerdict> {
    const error = new StowageError(
      'kind-unknown',
      `this worker does not know the kind ${claim.job.kind}; it waits for one that does`,
    );
    const kind: AnyKind | undefined = parts.catalogue.kinds[0];
    if (kind === undefined) throw error;
    const run = new Run(parts, { claim, kind, payload: undefined, fence, span, trail });
    return end(run, { state: 'waiting', error: error.facts, retryInMs: UNKNOWN_KIND_RETRY_MS, counts: false });
  }
}

interface Attempt {
  readonly claim: Claim;
  readonly fence: ClaimFence;
  readonly span: Span;
  readonly trail: AttemptTrail;
  readonly entry: Entry;
  readonly watchUndo: (fence: ClaimFence) => void;
}

/** For what decides and renders, and starts nothing. */
function endContext(run: Run, fence: ClaimFence): StepContext<unknown, JsonObject> {
  return run.context(fence, () => Promise.reject(new TypeError('only a step starts a Task')));
}

/** @returns the index of the step, which is pending again with all that follow */
function goBack(run: Run, name: string): number {
  const { steps } = run.kind;
  const target = steps.findIndex((step) => step.name === name);
  if (target < 0) throw new TypeError(`${run.kind.kind} has no step ${name}`);
  for (const step of steps.slice(target)) run.setStep({ ...run.step(step.name), state: 'pending' });
  return target;
}

function skipTheRest(run: Run): void {
  for (const step of run.kind.steps) {
    const record = run.step(step.name);
    if (record.state === 'pending') run.setStep({ ...record, state: 'skipped' });
  }
}

function errorOfInterruption(reason: Interruption, run: Run, cause: unknown): StowageError {
  switch (reason) {
    case 'cancelled':
      return new StowageError('job-cancelled', `cancelled by ${run.claim.job.cancelRequestedBy ?? 'a person'}`);
    case 'deadline':
      return new StowageError(
        'deadline-exceeded',
        `the job did not end by ${run.claim.job.deadlineAt ?? 'its deadline'}`,
        { cause },
      );
    case 'shutdown':
    case 'claim-lost':
      return new StowageError('claim-lost', `the attempt was interrupted: ${reason}`, { cause });
  }
}
