import { asStowageError, type ErrorFacts, isErrorCode, StowageError } from '../core/errors.ts';
import type { Failing, JsonObject } from '../core/job.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { Step } from '../jobs/define.ts';
import type { ClaimFence } from './claim-fence.ts';
import type { Run } from './run.ts';
import { inSpan } from './spans.ts';
import { settleUnknownTasks } from './step-runner.ts';

const UNDO_TRIES = 5;

/** undone: everything that had begun is taken back. later: try again after a pause. stuck: tried often enough; a person must look. */
export type UndoOutcome =
  | { readonly outcome: 'undone' | 'stuck' }
  | { readonly outcome: 'later'; readonly error: ErrorFacts };

/**
 * Takes back the steps that were begun, the last one first. That the job is failing is stored before, so a crash here goes on undoing
 * and never turns to running forward again. Every undo bears being run twice.
 */
export async function undoSteps(
  run: Run,
  failing: Failing,
  fence: ClaimFence,
  dataCentre: DataCentre,
): Promise<UndoOutcome> {
  const begun = run.kind.steps.filter((step) => ['running', 'done'].includes(run.step(step.name).state)).toReversed();
  run.setFailing(failing);
  await run.flush();
  try {
    for (const step of begun) await undoStep(run, step, fence, dataCentre);
    return { outcome: 'undone' };
  } catch (thrown) {
    const error = asStowageError(thrown);
    if (error.code === 'claim-lost') throw error;
    run.setFailing({ ...failing, tries: failing.tries + 1 });
    if (failing.tries + 1 >= UNDO_TRIES) return { outcome: 'stuck' };
    return { outcome: 'later', error: error.facts };
  }
}

async function undoStep(
  run: Run,
  step: Step<unknown, JsonObject>,
  fence: ClaimFence,
  dataCentre: DataCentre,
): Promise<void> {
  await inSpan(`undo ${step.name}`, { 'stowage.step': step.name }, async () => {
    await waitForOwnTask(run, step, fence, dataCentre);
    await waitForEarlierUndo(run, step, fence, dataCentre);
    const context = run.context(fence, async (start) => {
      fence.signal.throwIfAborted();
      const ref = await start();
      run.addTask(step.name, step.undoTask?.method ?? 'Task', ref, { undoes: true });
      await run.flush();
      return watchUndoTask(run, step.name, fence, dataCentre);
    });
    await step.undo?.(context);
    run.setStep({ ...run.step(step.name), state: 'undone', finishedAt: run.now() });
    await run.flush();
  });
}

async function watchUndoTask(run: Run, name: string, fence: ClaimFence, dataCentre: DataCentre): Promise<unknown> {
  const last = run.step(name).tasks.at(-1);
  if (last === undefined) return undefined;
  try {
    const result = await dataCentre.tasks.wait(last.ref, { signal: fence.signal });
    run.setLastTask(name, { outcome: 'success', finishedAt: run.now() });
    return result;
  } catch (error) {
    if (!fence.signal.aborted) run.setLastTask(name, { outcome: 'error', finishedAt: run.now() });
    throw error;
  }
}

/** A Task that still runs would make its effect after it was undone: it is cancelled where that is possible, and waited for. */
async function waitForOwnTask(
  run: Run,
  step: Step<unknown, JsonObject>,
  fence: ClaimFence,
  dataCentre: DataCentre,
): Promise<void> {
  const last = run.step(step.name).tasks.at(-1);
  if (last === undefined) return settleUnknownTasks(run, { step, task: step.task }, fence, dataCentre);
  if (last.undoes === true || last.outcome !== undefined) return;
  fence.assertHeld();
  await dataCentre.tasks.cancel(last.ref, fence.signal).catch(() => undefined);
  try {
    await dataCentre.tasks.wait(last.ref, { signal: fence.signal });
    run.setLastTask(step.name, { outcome: 'success', finishedAt: run.now() });
  } catch (thrown) {
    if (fence.signal.aborted || isErrorCode(thrown, 'vcenter-unreachable')) {
      throw new StowageError('vcenter-unreachable', 'a Task of the job may still be running', { cause: thrown });
    }
    run.setLastTask(step.name, { outcome: 'error', finishedAt: run.now() });
  }
}

/** A worker that died while it undid may have started the Task that undoes: `undo` looks only once that has ended. */
async function waitForEarlierUndo(
  run: Run,
  step: Step<unknown, JsonObject>,
  fence: ClaimFence,
  dataCentre: DataCentre,
): Promise<void> {
  if (run.claim.job.failing === undefined) return;
  const last = run.step(step.name).tasks.at(-1);
  if (last?.undoes !== true) return settleUnknownTasks(run, { step, task: step.undoTask }, fence, dataCentre);
  if (last.outcome !== undefined) return;
  try {
    await watchUndoTask(run, step.name, fence, dataCentre);
  } catch (error) {
    if (fence.signal.aborted || isErrorCode(error, 'vcenter-unreachable')) throw error;
  }
}
