import type { Container } from '../api/container.ts';
import { StateBadge } from '../ui/badge.tsx';

/** A container that runs is as it should be; for a job it would be work under way. */
export function ContainerState({
  container: { state, run },
}: {
  readonly container: Pick<Container, 'state' | 'run'>;
}) {
  if (state === 'running') return <StateBadge state={state} tone="good" icon="check" />;
  if (state === 'exited' && run.exitCode !== undefined)
    return <StateBadge state={state} words={`exited (${run.exitCode})`} />;
  return <StateBadge state={state} />;
}
