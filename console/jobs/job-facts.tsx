import type { Job } from '../api/job.ts';
import { sessionView } from '../session/session.ts';
import { Icon } from '../ui/icon.tsx';
import { Facts } from '../ui/page.tsx';
import { Elapsed, Time } from '../ui/time.tsx';
import { Actor, JobLink } from './job-link.tsx';
import { ResourceLinks } from './resource-link.tsx';

export function JobFacts({ job }: { readonly job: Job }) {
  const link = (id: string | undefined) => id !== undefined && <JobLink id={id} />;
  return (
    <Facts
      facts={[
        [
          'Id',
          <span key="id" class="mono">
            {job.id}
          </span>,
        ],
        ['Resources', job.resources.length > 0 && <ResourceLinks resources={job.resources} />],
        ['Actor', <Actor key="actor" actor={job.actor} />],
        ['Submitted', <Time key="at" at={job.createdAt} />],
        ['Began', job.startedAt !== null && <Time at={job.startedAt} />],
        ['Ended', job.finishedAt !== null && <Time at={job.finishedAt} />],
        ['Took', job.startedAt !== null && <Elapsed from={job.startedAt} to={job.finishedAt} />],
        ['Attempts', `${job.attempts.length} of ${job.maxAttempts}`],
        ['Next attempt', job.state === 'waiting' && job.retryAt !== undefined && <Time at={job.retryAt} />],
        ['Not after', job.finishedAt === null && job.deadlineAt !== undefined && <Time at={job.deadlineAt} />],
        ['Lane', job.lane],
        ['Redriven', job.redriveCount > 0 && `${job.redriveCount} times`],
        ['Part of', link(job.parent)],
        ['Edited redrive of', link(job.redriveOf)],
        ['Replaced by', link(job.replacedBy)],
        ['Redriven by', link(job.redriveRun)],
        ['Cancelled by', job.cancelRequestedBy],
        ['Discarded', job.discardReason],
        ['Trace', job.traceId !== undefined && <Trace id={job.traceId} />],
      ]}
    />
  );
}

function Trace({ id }: { readonly id: string }) {
  const url = sessionView.value?.traceUrl;
  if (url === undefined) return <span class="mono">{id}</span>;
  return (
    <a class="mono" href={url.replaceAll('{traceId}', id)} target="_blank" rel="noopener noreferrer">
      {id} <Icon name="external" size={12} />
    </a>
  );
}
