import type { Page as PageOf } from '../api/client.ts';
import { withQuery } from '../api/client.ts';
import type { Recovery } from '../api/overview.ts';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { useFilters } from '../ui/filters.ts';
import { Listing } from '../ui/listing.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/problem-view.tsx';
import type { Column } from '../ui/table.tsx';
import { Elapsed, Time } from '../ui/time.tsx';

export function RecoveriesPage() {
  const { cursor } = useFilters().values;
  const query = useQuery<PageOf<Recovery>>(withQuery('/v1/recoveries', { limit: 50, cursor }), about('job'));
  return (
    <Page title="Recoveries" parent={{ href: '/console/hosts', title: 'Hosts' }}>
      <Listing
        title="Newest first"
        query={query}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={
          <Empty title="No host was lost">
            <p>When one is, its containers are started on others, and that is told here.</p>
          </Empty>
        }
      />
    </Page>
  );
}

const count = (number: number | null): string => (number === null ? '–' : number.toLocaleString('en'));

const COLUMNS: readonly Column<Recovery>[] = [
  {
    title: 'Host',
    cell: ({ id, host }) => (
      <a class="row-link" href={`/console/recoveries/${id}`}>
        {host}
      </a>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: ({ state }) => <StateBadge state={state} /> },
  {
    title: 'Lost since',
    isTight: true,
    cell: ({ detectedAt, startedAt }) => {
      const at = detectedAt ?? startedAt;
      return at === null ? '–' : <Time at={at} />;
    },
  },
  { title: 'Recovered', isNumber: true, isTight: true, cell: ({ recovered }) => count(recovered) },
  { title: 'Lost', isNumber: true, isTight: true, cell: ({ lost }) => count(lost) },
  { title: 'Untouched', isNumber: true, isTight: true, cell: ({ unchanged }) => count(unchanged) },
  {
    title: 'Took',
    isNumber: true,
    isTight: true,
    cell: ({ startedAt, finishedAt }) => (startedAt === null ? '–' : <Elapsed from={startedAt} to={finishedAt} />),
  },
];
