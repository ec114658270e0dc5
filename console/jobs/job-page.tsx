import { useEffect } from 'preact/hooks';
import { useRoute } from 'preact-iso/router';
import type { Page as PageOf } from '../api/client.ts';
import { isOver, type Job, type TrailItem } from '../api/job.ts';
import { about, useQuery } from '../live/query.ts';
import { useRefresh } from '../live/refresh.ts';
import { StateBadge } from '../ui/badge.tsx';
import { formatBytes } from '../ui/bytes.ts';
import { Json, Page, Panel } from '../ui/page.tsx';
import { Loading, ProblemView } from '../ui/problem-view.tsx';
import { Time } from '../ui/time.tsx';
import { JobActions } from './job-actions.tsx';
import { JobErrorView } from './job-error.tsx';
import { JobFacts } from './job-facts.tsx';
import { JobLink } from './job-link.tsx';
import { JobsTable } from './jobs-table.tsx';
import { ResourceLink } from './resource-link.tsx';
import { TrailView } from './trail-view.tsx';
import { WaterfallView } from './waterfall-view.tsx';

/** How far a Task or a layer is, is told by no event. */
const PROGRESS_MS = 1_000;
const TRAIL_MS = 2_000;
const parent = { href: '/console/jobs', title: 'Jobs' };

export function JobPage() {
  const id = useRoute().params['id'] ?? '';
  const path = `/v1/jobs/${encodeURIComponent(id)}`;
  const query = useQuery<Job>(path, about(`job:${id}`));
  const trail = useQuery<PageOf<TrailItem>>(`${path}/trail`, about(`job:${id}`));
  const job = query.data;
  useRefresh(query.refetch, job?.state === 'running' ? PROGRESS_MS : undefined);
  useRefresh(trail.refetch, job?.state === 'running' ? TRAIL_MS : undefined);
  // What workers saw is written a moment after the event that tells of the end.
  useEffect(() => {
    const timer = setTimeout(trail.refetch, TRAIL_MS);
    return () => clearTimeout(timer);
  }, [path, job?.state, job?.attempts.length]);
  if (job === undefined) {
    return (
      <Page title="Job" parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
      </Page>
    );
  }
  const items = trail.data?.items ?? [];
  const refetch = (): void => {
    query.refetch();
    trail.refetch();
  };
  return (
    <Page
      title={job.kind}
      parent={parent}
      badge={<StateBadge state={job.state} />}
      actions={
        <>
          <a class="button bare" href={path} target="_blank" rel="noopener">
            As JSON
          </a>
          <JobActions job={job} onDone={refetch} />
        </>
      }
    >
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Now job={job} />
      <JobFacts job={job} />
      <Panel title="Where the time went" isFlush>
        <WaterfallView job={job} trail={items} />
      </Panel>
      <div class="pair">
        <Panel title="Payload" isFlush>
          <Json value={job.payload} label="Payload" />
        </Panel>
        {job.result !== null && (
          <Panel title="Result" isFlush>
            <Json value={job.result} label="Result" />
          </Panel>
        )}
        {Object.keys(job.notes).length > 0 && (
          <Panel title="Notes of its steps" isFlush>
            <Json value={job.notes} label="Notes of its steps" />
          </Panel>
        )}
      </div>
      {job.children.length > 0 && <Children job={job} />}
      <Attempts job={job} />
      <Panel title="Trail" isFlush>
        <TrailView items={items} />
      </Panel>
    </Page>
  );
}

/** What there is to know at once: why it failed, or what it waits for, or how far it is. */
function Now({ job }: { readonly job: Job }) {
  if (job.error !== null)
    return <JobErrorView error={job.error} title={job.state === 'dead' ? 'It failed for good' : 'It failed'} />;
  if (isOver(job.state)) return null;
  const last = job.attempts.at(-1);
  return (
    <>
      {last?.error !== undefined && job.state === 'waiting' && (
        <JobErrorView error={last.error} title={`Attempt ${last.number} failed; another follows`} />
      )}
      <Waiting job={job} />
      {job.progress !== undefined && <Progress {...job.progress} />}
    </>
  );
}

function Waiting({ job }: { readonly job: Job }) {
  if (job.state !== 'waiting') return null;
  return (
    <ul class="notice">
      {job.waitingBehind?.map(({ resource, job: head, ahead }) => (
        <li key={resource}>
          Waiting behind <JobLink id={head} /> on <ResourceLink resource={resource} />: {ahead} ahead.
        </li>
      ))}
      {job.retryAt !== undefined && (
        <li>
          The next attempt is <Time at={job.retryAt} />.
        </li>
      )}
      {job.attempts.at(-1)?.outcome === 'awaiting' && <li>Waiting for the jobs that it submitted.</li>}
    </ul>
  );
}

function Progress({ phase, current, total }: NonNullable<Job['progress']>) {
  const format = (value: number): string =>
    phase === 'redriving' || phase === 'discarding' ? String(value) : formatBytes(value);
  return (
    <div class="progress">
      <span>
        {phase}: {format(current)}
        {total !== undefined && ` of ${format(total)}`}
      </span>
      <progress max={total} value={total === undefined ? undefined : current} aria-label={phase} />
    </div>
  );
}

function Children({ job }: { readonly job: Job }) {
  const query = useQuery<PageOf<Job>>(`/v1/jobs?limit=100&parent=${job.id}`, about('job'));
  return (
    <Panel title={`Jobs that it submitted (${job.children.length})`} isFlush>
      {query.data === undefined ? (
        <ul class="notice">
          {job.children.map((child) => (
            <li key={child}>
              <JobLink id={child} />
            </li>
          ))}
        </ul>
      ) : (
        <JobsTable label="Jobs that it submitted" jobs={query.data.items} />
      )}
    </Panel>
  );
}

/** Those that failed, each with its own reason; the last one's is above already. */
function Attempts({ job }: { readonly job: Job }) {
  const failed = job.attempts.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return null;
  return (
    <Panel title="Attempts that failed">
      <ol class="stack">
        {failed.map((attempt) => (
          <li key={attempt.number} class="attempt-line">
            <span class="row">
              <strong>Attempt {attempt.number}</strong>
              <StateBadge state={attempt.outcome} />
              {attempt.startedAt !== undefined && <Time at={attempt.startedAt} />}
              <span class="muted">
                by {attempt.worker}
                {attempt.step !== undefined && `, in ${attempt.step}`}
              </span>
            </span>
            <p>
              <code>{attempt.error?.code}</code> {attempt.error?.message}
            </p>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
