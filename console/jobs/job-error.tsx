import { withQuery } from '../api/client.ts';
import type { JobError } from '../api/job.ts';
import { Json } from '../ui/page.tsx';
import { Icon } from '../ui/icon.tsx';

/** Why a job failed, what to do about it, and the fault as vCenter told it. */
export function JobErrorView({ error, title }: { readonly error: JobError; readonly title: string }) {
  return (
    <div class="problem" role="group" aria-label={title}>
      <strong>
        <Icon name="stop" />
        {title}
      </strong>
      <p>{error.message}</p>
      {error.fields !== undefined && error.fields.length > 0 && (
        <ul>
          {error.fields.map(({ pointer, detail }) => (
            <li key={`${pointer} ${detail}`}>
              <code>{pointer}</code> {detail}
            </li>
          ))}
        </ul>
      )}
      {error.holder !== undefined && <p>Held by {error.holder}.</p>}
      <p>{error.advice}</p>
      <p class="muted">
        <a href={error.type} target="_blank" rel="noopener">
          <code>{error.code}</code>
        </a>
        {error.fingerprint !== undefined && (
          <>
            {', '}
            <a href={withQuery('/console/jobs', { state: 'dead', fingerprint: error.fingerprint })}>
              dead letters of the same cause
            </a>
          </>
        )}
      </p>
      {error.fault !== undefined && error.fault !== null && (
        <details>
          <summary>The fault of vSphere</summary>
          <Json value={error.fault} label="The fault of vSphere" />
        </details>
      )}
    </div>
  );
}
