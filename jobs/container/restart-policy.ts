import type { ContainerRun, RestartPolicy } from '../../core/container.ts';

// Docker's rules (restartmanager.go). Pure.

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 60_000;
/** One that ran so long is not failing at its start: the pauses begin anew. */
const SETTLED_MS = 10_000;

/** After an exit that nobody asked for. */
export function isToRestart(
  { name, maxRetries }: RestartPolicy,
  run: Pick<ContainerRun, 'exitCode' | 'restarts'>,
): boolean {
  switch (name) {
    case 'no':
      return false;
    case 'on-failure':
      return run.exitCode !== 0 && (maxRetries === 0 || run.restarts < maxRetries);
    case 'always':
    case 'unless-stopped':
      return true;
  }
}

/** Before the next start. */
export function pauseAfter({ startedAt, finishedAt, pauseMs }: ContainerRun): number {
  const ranMs =
    startedAt === undefined || finishedAt === undefined ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);
  if (pauseMs === undefined || ranMs >= SETTLED_MS) return FIRST_PAUSE_MS;
  return Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
}
