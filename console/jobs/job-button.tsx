import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso/router';
import { newIdempotencyKey, request } from '../api/client.ts';
import type { Job } from '../api/job.ts';
import { ActionButton } from '../ui/action-button.tsx';
import type { IconName } from '../ui/icon.tsx';
import { JobLink } from './job-link.tsx';

interface JobButtonProps {
  readonly label: string;
  readonly icon?: IconName;
  readonly kind: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Why it cannot be done now. */
  readonly unless?: string | undefined;
  readonly isPrimary?: boolean;
  readonly isDanger?: boolean;
  readonly confirm?: { readonly title: string; readonly body: ComponentChildren };
}

/** Submits a job, and says where it is to be seen; the page itself hears of it by its events. */
export function JobButton({ kind, payload, ...button }: JobButtonProps) {
  return (
    <ActionButton
      {...button}
      run={async () => {
        const { body } = await request<Job>('POST', '/v1/jobs', {
          body: { kind, payload },
          headers: { 'idempotency-key': newIdempotencyKey() },
        });
        return (
          <>
            {kind} is submitted: <JobLink id={body.id} />
          </>
        );
      }}
    />
  );
}

/** A job that needs more than a click: the form of its kind, with what is known filled in. */
export function FormLink({
  label,
  icon,
  kind,
  given = {},
}: {
  readonly label: string;
  readonly icon: IconName;
  readonly kind: string;
  readonly given?: Readonly<Record<string, string>>;
}) {
  const { route } = useLocation();
  return (
    <ActionButton
      label={label}
      icon={icon}
      run={async () => {
        route(`/console/jobs/new?${new URLSearchParams({ kind, ...given })}`);
        return undefined;
      }}
    />
  );
}
