import './jobs.css';
import type { Job } from '../api/job.ts';
import { StateBadge } from '../ui/badge.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Elapsed, Time } from '../ui/time.tsx';
import { Actor, shortId } from './job-link.tsx';
import { ResourceLinks } from './resource-link.tsx';

const COLUMNS: readonly Column<Job>[] = [
  {
    title: 'Job',
    cell: (job) => (
      <>
        <a class="row-link" href={`/console/jobs/${job.id}`} title={job.id}>
          {job.kind} <span class="mono job-id">{shortId(job.id)}</span>
        </a>
        <Trouble job={job} />
      </>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: (job) => <StateBadge state={job.state} /> },
  { title: 'Resources', cell: (job) => <ResourceLinks resources={job.resources} />, isPlain: true },
  { title: 'Actor', cell: (job) => <Actor actor={job.actor} /> },
  { title: 'Attempts', isNumber: true, isTight: true, cell: (job) => <Attempts job={job} /> },
  { title: 'Submitted', isTight: true, cell: (job) => <Time at={job.createdAt} /> },
  { title: 'Took', isNumber: true, isTight: true, cell: (job) => <Took job={job} /> },
];

export function JobsTable({ label, jobs, isStale = false }: JobsTableProps) {
  return <Table label={label} items={jobs} columns={COLUMNS} keyOf={(job) => job.id} isStale={isStale} />;
}

interface JobsTableProps {
  readonly label: string;
  readonly jobs: readonly Job[];
  readonly isStale?: boolean;
}

function Attempts({ job }: { readonly job: Job }) {
  return (
    <>
      {job.attempts.length} <span class="muted">of {job.maxAttempts}</span>
    </>
  );
}

function Took({ job }: { readonly job: Job }) {
  if (job.startedAt === null) return <span class="muted">–</span>;
  return <Elapsed from={job.startedAt} to={job.finishedAt} />;
}

/** What is the matter with it, in one line: of a dead letter, or of the last attempt of one that is tried again. */
function Trouble({ job }: { readonly job: Job }) {
  const error =
    job.error ?? (job.state === 'waiting' || job.state === 'running' ? job.attempts.at(-1)?.error : undefined);
  if (error === undefined || error === null) return null;
  return (
    <p class="trouble" title={error.message}>
      <code>{error.code}</code> {error.message}
    </p>
  );
}
