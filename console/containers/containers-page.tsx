import { useMemo } from 'preact/hooks';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { Container } from '../api/container.ts';
import type { Host } from '../api/host.ts';
import { about, useQuery } from '../live/query.ts';
import { ChoiceFilter, TextFilter } from '../ui/filter-fields.tsx';
import { useFilters } from '../ui/filters.ts';
import { Listing } from '../ui/listing.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/problem-view.tsx';
import type { Column } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { ContainerState } from './container-state.tsx';

const STATES = ['created', 'starting', 'running', 'paused', 'stopping', 'exited', 'recovering', 'removing', 'dead'];

export function ContainersPage() {
  const { values, set, clear } = useFilters();
  const { state = '', host = '', image = '', label = '', cursor } = values;
  const path = useMemo(
    () => withQuery('/v1/containers', { limit: 50, state, host, image, label, cursor }),
    [state, host, image, label, cursor],
  );
  const query = useQuery<PageOf<Container>>(path, about('container'));
  const hosts = useQuery<PageOf<Host>>('/v1/hosts?limit=200', about('host')).data?.items ?? [];
  const isFiltered = [state, host, image, label].some((each) => each !== '');
  const columns = useMemo(() => columnsOf(hosts), [hosts]);
  return (
    <Page title="Containers">
      <div class="filters" role="search" aria-label="Filter the list">
        <ChoiceFilter
          label="State"
          value={state}
          choices={[['', 'All states'], ...STATES.map((each) => [each, each] as const)]}
          onChange={(text) => set({ state: text })}
        />
        <ChoiceFilter
          label="Host"
          value={host}
          choices={[['', 'All hosts'], ...hosts.map(({ name }) => [name, name] as const)]}
          onChange={(text) => set({ host: text })}
        />
        <TextFilter label="Image" value={image} placeholder="busybox" onChange={(text) => set({ image: text })} />
        <TextFilter label="Label" value={label} placeholder="team=a" onChange={(text) => set({ label: text })} />
        {isFiltered && (
          <button type="button" class="button bare" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      <Listing
        title="By id"
        query={query}
        columns={columns}
        keyOf={({ id }) => id}
        isFiltered={isFiltered}
        empty={
          <Empty title="No containers yet">
            <p>
              <code>docker run -d -v demo_vol:/data busybox sleep 1d</code> makes one and starts it.
            </p>
          </Empty>
        }
      />
    </Page>
  );
}

function columnsOf(hosts: readonly Host[]): readonly Column<Container>[] {
  const names = new Map(hosts.map(({ ref, name }) => [ref, name]));
  return [
    {
      title: 'Name',
      cell: ({ id, name, error, flag }) => (
        <>
          <a class="row-link" href={`/console/containers/${id}`}>
            {name} <span class="mono muted">{id.slice(0, 12)}</span>
          </a>
          {error !== undefined && <p class="muted">{error}</p>}
          {flag !== undefined && <p class="muted">{flag.reason}</p>}
        </>
      ),
    },
    { title: 'State', isTight: true, isPlain: true, cell: (container) => <ContainerState container={container} /> },
    { title: 'Image', cell: ({ imageName }) => <span class="mono">{imageName}</span> },
    {
      title: 'Host',
      cell: ({ machine }) => {
        const name = names.get(machine?.host ?? '');
        return name === undefined ? '' : <a href={`/console/hosts/${encodeURIComponent(name)}`}>{name}</a>;
      },
    },
    {
      title: 'Volumes',
      cell: ({ mounts }) =>
        mounts.map(({ volume, anonymous }) => (anonymous ? volume.slice(0, 12) : volume)).join(', '),
    },
    { title: 'Changed', isTight: true, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
  ];
}
