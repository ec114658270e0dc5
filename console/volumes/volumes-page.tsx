import { useMemo } from 'preact/hooks';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { Store, Volume } from '../api/volume.ts';
import { FormLink } from '../jobs/job-button.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { ChoiceFilter } from '../ui/filter-fields.tsx';
import { useFilters } from '../ui/filters.ts';
import { Listing } from '../ui/listing.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/problem-view.tsx';
import type { Column } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

const STATES = ['creating', 'available', 'attaching', 'in-use', 'detaching', 'expanding', 'deleting', 'failed'];

export function VolumesPage() {
  const { values, set, clear } = useFilters();
  const { store = '', state = '', cursor } = values;
  const path = useMemo(() => withQuery('/v1/volumes', { limit: 50, store, state, cursor }), [store, state, cursor]);
  const query = useQuery<PageOf<Volume>>(path, about('volume'));
  const stores = useQuery<PageOf<Store>>('/v1/stores').data?.items ?? [];
  const isFiltered = store !== '' || state !== '';
  return (
    <Page title="Volumes" actions={<FormLink label="New volume" icon="plus" kind="volume.create" />}>
      <div class="filters" role="search" aria-label="Filter the list">
        <ChoiceFilter
          label="Store"
          value={store}
          choices={[['', 'All stores'], ...stores.map(({ name }) => [name, name] as const)]}
          onChange={(text) => set({ store: text })}
        />
        <ChoiceFilter
          label="State"
          value={state}
          choices={[['', 'All states'], ...STATES.map((each) => [each, each] as const)]}
          onChange={(text) => set({ state: text })}
        />
        {isFiltered && (
          <button type="button" class="button bare" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      <Listing
        title="By name"
        query={query}
        columns={COLUMNS}
        keyOf={({ name }) => name}
        isFiltered={isFiltered}
        empty={
          <Empty title="No volumes yet">
            <p>
              <code>docker volume create --name demo_vol</code> makes one.
            </p>
          </Empty>
        }
      />
    </Page>
  );
}

const COLUMNS: readonly Column<Volume>[] = [
  {
    title: 'Name',
    cell: ({ name, flag, failure }) => (
      <>
        <a class="row-link" href={`/console/volumes/${encodeURIComponent(name)}`}>
          {name}
        </a>
        {failure !== undefined && <p class="muted">{failure.message}</p>}
        {flag !== undefined && <p class="muted">{flag.reason}</p>}
      </>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: ({ state }) => <StateBadge state={state} /> },
  { title: 'Store', cell: ({ store }) => store },
  { title: 'Size', isNumber: true, isTight: true, cell: ({ capacity }) => capacity },
  {
    title: 'Held by',
    cell: ({ holders }) => holders.map(({ machineName }) => machineName).join(', '),
  },
  { title: 'Changed', isTight: true, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];
