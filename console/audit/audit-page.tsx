import '../jobs/jobs.css';
import { useMemo } from 'preact/hooks';
import type { AuditEntry } from '../api/audit.ts';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import { ResourceLink } from '../jobs/resource-link.tsx';
import { sinceOf, SPANS } from '../jobs/spans.ts';
import { useQuery } from '../live/query.ts';
import { useRefresh } from '../live/refresh.ts';
import { StateBadge } from '../ui/badge.tsx';
import { ChoiceFilter, TextFilter } from '../ui/filter-fields.tsx';
import { useFilters } from '../ui/filters.ts';
import { Page, Panel } from '../ui/page.tsx';
import { Paging } from '../ui/paging.tsx';
import { usePrevious } from '../ui/previous.ts';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

/** No event tells of an entry. */
const REFRESH_MS = 10_000;

export function AuditPage() {
  const { values, set, clear } = useFilters();
  const { actor = '', action = '', since = '', cursor } = values;
  const path = useMemo(
    () => withQuery('/v1/audit', { limit: 50, actor, action, since: sinceOf(since, Date.now()), cursor }),
    [actor, action, since, cursor],
  );
  const query = useQuery<PageOf<AuditEntry>>(path);
  useRefresh(query.refetch, cursor === undefined ? REFRESH_MS : undefined);
  const shown = usePrevious(query.data);
  return (
    <Page title="Audit">
      <p class="muted">
        Who changed something by this API, or was refused. What a job did is told by the job itself, which names its
        actor.
      </p>
      <div class="filters" role="search" aria-label="Filter the list">
        <TextFilter label="Actor" value={actor} placeholder="key:ci" onChange={(text) => set({ actor: text })} />
        <TextFilter label="Action" value={action} placeholder="revokeKey" onChange={(text) => set({ action: text })} />
        <ChoiceFilter label="Time" value={since} choices={SPANS} onChange={(span) => set({ since: span })} />
        {(actor !== '' || action !== '' || since !== '') && (
          <button type="button" class="button bare" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title="Newest first" isFlush>
        {shown === undefined && query.problem === undefined && <Loading />}
        {shown?.items.length === 0 && <Empty title="Nothing of that kind was done" />}
        {shown !== undefined && shown.items.length > 0 && (
          <Table
            label="Audit log"
            items={shown.items}
            columns={COLUMNS}
            keyOf={({ id }) => id}
            isStale={query.data === undefined}
          />
        )}
      </Panel>
      <Paging next={shown?.next} count={shown?.items.length ?? 0} />
    </Page>
  );
}

const COLUMNS: readonly Column<AuditEntry>[] = [
  { title: 'When', isTight: true, cell: ({ at }) => <Time at={at} /> },
  {
    title: 'Actor',
    cell: ({ actor, role, address }) => (
      <>
        {actor} {role !== undefined && <span class="muted">{role}</span>}
        {address !== undefined && <span class="muted mono"> {address}</span>}
      </>
    ),
  },
  { title: 'Action', cell: ({ action }) => <code>{action}</code> },
  { title: 'Of', cell: ({ target }) => (target === undefined ? '' : <ResourceLink resource={target} />) },
  {
    title: 'Outcome',
    isTight: true,
    isPlain: true,
    cell: ({ outcome, status }) => (
      <>
        <StateBadge state={outcome} /> <span class="muted">{status}</span>
      </>
    ),
  },
  { title: 'Detail', cell: ({ detail }) => <Detail detail={detail} /> },
];

function Detail({ detail }: { readonly detail: AuditEntry['detail'] }) {
  if (detail === undefined || Object.keys(detail).length === 0) return null;
  const text = JSON.stringify(detail);
  return (
    <span class="mono trouble" title={text}>
      {text}
    </span>
  );
}
