import type { Container } from '../api/container.ts';
import { JobButton } from '../jobs/job-button.tsx';

/** States between two others: a job has it. */
const BUSY = ['creating', 'starting', 'stopping', 'removing', 'recovering'];

export function ContainerActions({ container }: { readonly container: Container }) {
  const { id, name, state } = container;
  const payload = { container: id };
  const isUp = state === 'running' || state === 'paused';
  const busy = BUSY.includes(state) ? `It is ${state}.` : undefined;
  return (
    <>
      {isUp ? (
        <>
          <JobButton
            label="Stop"
            icon="off"
            kind="container.stop"
            payload={payload}
            unless={busy}
            confirm={{
              title: `Stop ${name}?`,
              body: <p>Its process is asked to end, and its machine is switched off. Its volumes are detached.</p>,
            }}
          />
          <JobButton label="Restart" icon="redrive" kind="container.restart" payload={payload} />
          {state === 'paused' ? (
            <JobButton label="Resume" icon="run" kind="container.unpause" payload={payload} />
          ) : (
            <JobButton label="Pause" icon="pause" kind="container.pause" payload={payload} />
          )}
          <JobButton
            label="Kill"
            icon="stop"
            kind="container.kill"
            payload={payload}
            isDanger
            confirm={{ title: `Kill ${name}?`, body: <p>What it has not written is lost.</p> }}
          />
        </>
      ) : (
        <JobButton label="Start" icon="run" kind="container.start" payload={payload} unless={busy} isPrimary />
      )}
      <JobButton
        label="Remove"
        icon="trash"
        kind="container.remove"
        payload={payload}
        isDanger
        unless={isUp ? 'It runs: stop it first.' : busy}
        confirm={{
          title: `Remove ${name}?`,
          body: <p>Its machine and what it wrote outside of volumes are deleted. Its volumes stay.</p>,
        }}
      />
    </>
  );
}
