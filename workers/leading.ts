import type { Logger } from 'pino';
import { asStowageError } from '../core/errors.ts';
import type { Upkeep } from '../core/ports/leader.ts';
import type { Submit } from '../jobs/submit.ts';
import { pause } from '../platform/pause.ts';

export interface LeadingParts {
  readonly upkeep: Upkeep;
  readonly submit: Submit;
  readonly watch: (signal: AbortSignal) => Promise<void>;
  readonly lockMs: number;
  readonly reconcileIntervalMs: number;
  readonly logger: Logger;
}

const TRIM_MS = 60_000;

/** What one process does for all: watches vSphere, makes lost entries again, forgets old jobs, and has the records compared with vSphere. */
export async function lead(
  parts: LeadingParts,
  term: { readonly signal: AbortSignal; readonly emptied: boolean },
): Promise<void> {
  const { signal } = term;
  const reconcile = async (): Promise<void> => {
    await parts.submit('reconcile.run', {}, { actor: 'leader', role: 'operator' });
  };
  const every = (ms: number, name: string, work: () => Promise<unknown>, first: 'now' | 'later'): Promise<void> =>
    repeat({ ms, name, work, first, signal, logger: parts.logger });
  await Promise.all([
    parts.watch(signal),
    // An entry is looked for a lock's length after its job was woken; one that is missing then is lost.
    every(Math.max(500, parts.lockMs / 2), 'sweep', () => parts.upkeep.sweep(parts.lockMs / 2), 'now'),
    every(TRIM_MS, 'trim', () => parts.upkeep.trim(), 'later'),
    every(parts.reconcileIntervalMs, 'reconcile', reconcile, term.emptied ? 'now' : 'later'),
  ]);
}

async function repeat(task: {
  readonly ms: number;
  readonly name: string;
  readonly work: () => Promise<unknown>;
  readonly first: 'now' | 'later';
  readonly signal: AbortSignal;
  readonly logger: Logger;
}): Promise<void> {
  const { ms, name, work, signal, logger } = task;
  let isDue = task.first === 'now';
  while (!signal.aborted) {
    if (isDue)
      await work().catch((thrown: unknown) =>
        logger.warn({ err: asStowageError(thrown), task: name }, 'upkeep failed; it is tried again'),
      );
    isDue = true;
    await pause(ms, signal);
  }
}
