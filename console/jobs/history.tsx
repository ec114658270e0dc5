import type { Page as PageOf } from '../api/client.ts';
import { withQuery } from '../api/client.ts';
import type { Job } from '../api/job.ts';
import { about, useQuery } from '../live/query.ts';
import { Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { JobsTable } from './jobs-table.tsx';

/** What was done to one thing: the newest of the jobs that stood in its line. */
export function History({ resource }: { readonly resource: string }) {
  const query = useQuery<PageOf<Job>>(withQuery('/v1/jobs', { resource, limit: 15 }), about('job', resource));
  const jobs = query.data?.items;
  return (
    <Panel title="Jobs" isFlush aside={<a href={withQuery('/console/jobs', { resource })}>All of them</a>}>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      {jobs === undefined && query.problem === undefined && <Loading />}
      {jobs?.length === 0 && <Empty title="No job of it is kept" />}
      {jobs !== undefined && jobs.length > 0 && <JobsTable label="Jobs" jobs={jobs} />}
    </Panel>
  );
}
