import { useMemo } from 'preact/hooks';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import { type Job, JOB_STATES } from '../api/job.ts';
import type { Kind } from '../api/kind.ts';
import { about, useQuery } from '../live/query.ts';
import { ChoiceFilter, Tabs, TextFilter } from '../ui/filter-fields.tsx';
import { type Filters, useFilters } from '../ui/filters.ts';
import { Icon } from '../ui/icon.tsx';
import { Page, Panel } from '../ui/page.tsx';
import { Paging } from '../ui/paging.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { usePrevious } from '../ui/previous.ts';
import { JobsTable } from './jobs-table.tsx';
import { sinceOf, SPANS } from './spans.ts';

const OPEN = 'waiting,running';
/** Filters of the URL that go to the api as they are. */
const PASSED = ['state', 'kind', 'resource', 'actor', 'text', 'code', 'fingerprint', 'parent', 'until', 'cursor'];

export function JobsPage() {
  const filters = useFilters();
  const { values } = filters;
  const path = useMemo(
    () =>
      withQuery('/v1/jobs', {
        limit: 50,
        ...Object.fromEntries(PASSED.map((name) => [name, values[name]])),
        since: sinceOf(values['since'], Date.now()),
      }),
    [JSON.stringify(values)],
  );
  const query = useQuery<PageOf<Job>>(path, about('job'));
  const shown = usePrevious(query.data);
  return (
    <Page
      title="Jobs"
      actions={
        <a class="button primary" href="/console/jobs/new">
          <Icon name="plus" size={14} />
          Submit a job
        </a>
      }
    >
      <Tabs
        label="States"
        tabs={[['', 'All'], [OPEN, 'Open'], ...JOB_STATES.map((state) => [state, capitalized(state)] as const)].map(
          ([state = '', words]) => ({
            href: filters.hrefWith({ state }),
            words,
            isHere: (values['state'] ?? '') === state,
          }),
        )}
      />
      <JobFilters filters={filters} />
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title="Newest first" isFlush>
        <List
          page={shown}
          isStale={query.data === undefined}
          filters={filters}
          hasFailed={query.problem !== undefined}
        />
      </Panel>
      <Paging next={shown?.next} count={shown?.items.length ?? 0} />
    </Page>
  );
}

function JobFilters({ filters: { values, set, clear } }: { readonly filters: Filters }) {
  const kinds = useQuery<{ readonly items: readonly Kind[] }>('/v1/kinds').data?.items ?? [];
  const value = (name: string): string => values[name] ?? '';
  const isFiltered = Object.keys(values).some((name) => name !== 'cursor' && name !== 'state');
  return (
    <div class="filters" role="search" aria-label="Filter the list">
      <TextFilter
        label="Text"
        value={value('text')}
        placeholder="id, name, message"
        onChange={(text) => set({ text })}
      />
      <ChoiceFilter
        label="Kind"
        value={value('kind')}
        choices={[['', 'All kinds'], ...kinds.map(({ kind }) => [kind, kind] as const)]}
        onChange={(kind) => set({ kind })}
      />
      <TextFilter
        label="Resource"
        value={value('resource')}
        placeholder="volume:demo_vol"
        onChange={(resource) => set({ resource })}
      />
      <TextFilter label="Actor" value={value('actor')} placeholder="key:ci" onChange={(actor) => set({ actor })} />
      <ChoiceFilter
        label="Submitted"
        value={value('since')}
        choices={SPANS}
        onChange={(since) => set({ since, until: '' })}
      />
      {['code', 'fingerprint', 'parent', 'until'].map(
        (name) =>
          value(name) !== '' && (
            <button key={name} type="button" class="button" onClick={() => set({ [name]: '' })}>
              {name}: <span class="mono">{value(name)}</span>
              <Icon name="cross" size={12} />
              <span class="hidden-visually">Without this filter</span>
            </button>
          ),
      )}
      {isFiltered && (
        <button type="button" class="button bare" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

interface ListProps {
  readonly page: PageOf<Job> | undefined;
  readonly isStale: boolean;
  readonly hasFailed: boolean;
  readonly filters: Filters;
}

function List({ page, isStale, hasFailed, filters }: ListProps) {
  if (page === undefined) return hasFailed ? null : <Loading />;
  if (page.items.length > 0) return <JobsTable label="Jobs" jobs={page.items} isStale={isStale && !hasFailed} />;
  if (page.next !== undefined) return <Empty title="Nothing that matches on this page; there are more pages" />;
  if (Object.keys(filters.values).length === 0) {
    return (
      <Empty title="No jobs yet">
        <p>Every change to a volume, an image or a container is a job, and shows here.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No job matches">
      <button type="button" class="button" onClick={filters.clear}>
        Show all jobs
      </button>
    </Empty>
  );
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
