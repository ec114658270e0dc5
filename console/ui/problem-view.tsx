import './problem-view.css';
import type { ComponentChildren } from 'preact';
import type { Problem } from '../api/problem.ts';
import { Icon } from './icon.tsx';

/** An error as the api explains it: what, which fields, and what to do about it. */
export function ProblemView({ problem, onRetry }: { readonly problem: Problem; readonly onRetry?: () => void }) {
  const { title, detail, advice, errors = [], holder, code, traceId } = problem.document;
  // Its detail says the same fields once more, and its advice is for those who write requests by hand.
  const areFieldsEnough = code === 'request-invalid' && errors.length > 0;
  return (
    <div class="problem" role="alert">
      <strong>
        <Icon name="stop" />
        {title}
      </strong>
      {!areFieldsEnough && <p>{detail}</p>}
      {errors.length > 0 && (
        <ul>
          {errors.map((fault) => (
            <li key={`${fault.pointer ?? fault.parameter ?? ''} ${fault.detail}`}>
              <code>{fault.pointer ?? fault.parameter ?? ''}</code> {fault.detail}
            </li>
          ))}
        </ul>
      )}
      {holder !== undefined && <p>Held by {holder}.</p>}
      {advice !== undefined && !areFieldsEnough && <p class="muted">{advice}</p>}
      <p class="muted">
        <code>{code}</code>
        {traceId !== undefined && traceId !== '' && (
          <>
            , trace <code>{traceId}</code>
          </>
        )}
      </p>
      {onRetry !== undefined && (
        <div>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
    </div>
  );
}

/** Nothing to show, and why, or what to do. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}
