import { asStowageError, isErrorCode, StowageError } from '../core/errors.ts';
import type { JsonObject } from '../core/job.ts';
import type { TaskRef } from '../core/ids.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { Step, StepContext, StepResult } from '../jobs/define.ts';
import type { ClaimFence } from './claim-fence.ts';
import { inSpan } from './spans.ts';
import type { Run } from './run.ts';

type AnyStep = Step<unknown, JsonObject>;
type Context = StepContext<unknown, JsonObject>;

/** The result of a Task that an earlier attempt had started, not yet handed to the step. */
interface Joined {
  readonly result: unknown;
}

/**
 * Brings one step to its end. Resolves with the step's result (already taken up by the run).
 *
 * A crash here leaves the step `running` with its intent, and perhaps a Task's reference; the next attempt waits for that Task, or for
 * one that was accepted without its reference being stored, then asks `probe`, and only then runs.
 */
export async function runStep(run: Run, step: AnyStep, dataCentre: DataCentre): Promise<StepResult<JsonObject>> {
  const before = run.step(step.name);
  const wasBegun = before.state === 'running';
  run.current = step.name;
  return inSpan(
    `step ${step.name}`,
    { 'stowage.step': step.name, 'stowage.step.begun': before.begun + 1 },
    async () => {
      run.setStep({ ...before, state: 'running', begun: before.begun + 1, startedAt: before.startedAt ?? run.now() });
      if (step.isLocal !== true) await run.flush();
      const result = wasBegun
        ? await resume(run, step, dataCentre)
        : await step.run(contextOf(run, step, dataCentre, undefined));
      const { progress: _, ...after } = run.step(step.name);
      if (result.awaits === undefined && result.laterMs === undefined)
        run.setStep({ ...after, state: 'done', finishedAt: run.now() });
      run.take(result);
      return result;
    },
  );
}

async function resume(run: Run, step: AnyStep, dataCentre: DataCentre): Promise<StepResult<JsonObject>> {
  const joined = await joinEarlierTask(run, step, dataCentre);
  const context = contextOf(run, step, dataCentre, joined);
  return (await step.probe?.(context)) ?? (await step.run(context));
}

function contextOf(run: Run, step: AnyStep, dataCentre: DataCentre, joined: Joined | undefined): Context {
  let unused = joined;
  return run.context(run.fence, async (start) => {
    if (unused !== undefined) {
      const { result } = unused;
      unused = undefined;
      return result;
    }
    run.fence.signal.throwIfAborted();
    const ref = await start();
    run.addTask(step.name, step.task?.method ?? 'Task', ref);
    const stored = run.flush();
    // vCenter is asked while Redis writes; nobody hears of the Task's end before its reference is stored.
    const watched = watchTask(run, step.name, ref, dataCentre);
    watched.catch(() => undefined);
    await stored;
    return watched;
  });
}

async function watchTask(run: Run, name: string, ref: TaskRef, dataCentre: DataCentre): Promise<unknown> {
  const { signal } = run.fence;
  try {
    const result = await dataCentre.tasks.wait(ref, {
      signal,
      onProgress: (percent) => run.showProgress(name, percent),
    });
    run.setLastTask(name, { outcome: 'success', finishedAt: run.now() });
    return result;
  } catch (error) {
    // Interrupted: the Task goes on, and the next attempt waits for it.
    if (signal.aborted) throw error;
    const isForgotten = isTaskForgotten(error);
    run.setLastTask(name, { outcome: isForgotten ? 'unknown' : 'error', finishedAt: run.now() });
    if (!isForgotten) throw error;
    // No fault of the job's: the next attempt looks whether the Task took effect.
    throw new StowageError('vcenter-state', `vCenter has forgotten ${ref}, as after a restart`, { cause: error });
  }
}

/** Not a fault of the Task: those carry one. */
function isTaskForgotten(error: unknown): boolean {
  return isErrorCode(error, 'vcenter-not-found') && error.details.fault === undefined;
}

/** Waits for what an earlier attempt started; its failure is no failure of this attempt, which then probes and runs. */
async function joinEarlierTask(run: Run, step: AnyStep, dataCentre: DataCentre): Promise<Joined | undefined> {
  const last = run.step(step.name).tasks.at(-1);
  if (last !== undefined && last.outcome === undefined) {
    try {
      return { result: await watchTask(run, step.name, last.ref, dataCentre) };
    } catch (error) {
      if (run.fence.signal.aborted || isErrorCode(error, 'vcenter-unreachable')) throw error;
      return undefined;
    }
  }
  // Its last call may have been accepted after all, also when an earlier one had failed.
  await settleUnknownTasks(run, { step, task: step.task }, run.fence, dataCentre);
  return undefined;
}

/** The call may have been accepted without its reference being stored: what is in flight must end before anyone looks. */
export async function settleUnknownTasks(
  run: Run,
  { step, task }: { readonly step: AnyStep; readonly task: AnyStep['task'] },
  fence: ClaimFence,
  dataCentre: DataCentre,
): Promise<void> {
  if (task === undefined) return;
  const { signal } = fence;
  const { method } = task;
  const entity = task.entity?.(contextOf(run, step, dataCentre, undefined));
  const sinceMs = Date.parse(run.step(step.name).startedAt ?? run.now());
  const refs = await dataCentre.tasks.inFlight({
    method,
    ...(entity === undefined ? {} : { entity }),
    sinceMs,
    signal,
  });
  await Promise.all(
    refs.map(async (ref) => {
      try {
        await dataCentre.tasks.wait(ref, { signal });
      } catch (error) {
        if (signal.aborted || isErrorCode(error, 'vcenter-unreachable')) throw asStowageError(error);
      }
    }),
  );
}
