import { withQuery } from '../api/client.ts';
import type { Page as PageOf } from '../api/client.ts';
import type { Host } from '../api/host.ts';
import { about, useQuery } from '../live/query.ts';
import { formatBytes } from '../ui/bytes.ts';
import { useFilters } from '../ui/filters.ts';
import { Listing } from '../ui/listing.tsx';
import { Page } from '../ui/page.tsx';
import { Empty } from '../ui/problem-view.tsx';
import type { Column } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { HostState } from './host-state.tsx';

export function HostsPage() {
  const { cursor } = useFilters().values;
  const query = useQuery<PageOf<Host>>(withQuery('/v1/hosts', { limit: 50, cursor }), about('host'));
  return (
    <Page
      title="Hosts"
      actions={
        <a class="button" href="/console/recoveries">
          Recoveries
        </a>
      }
    >
      <Listing
        title="As the watcher sees them"
        query={query}
        columns={COLUMNS}
        keyOf={({ ref }) => ref}
        empty={
          <Empty title="No host has been seen yet">
            <p>A worker that reaches vCenter tells of them.</p>
          </Empty>
        }
      />
    </Page>
  );
}

const COLUMNS: readonly Column<Host>[] = [
  {
    title: 'Name',
    cell: ({ name, ref }) => (
      <a class="row-link" href={`/console/hosts/${encodeURIComponent(name)}`}>
        {name} <span class="mono muted">{ref}</span>
      </a>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: (host) => <HostState host={host} /> },
  { title: 'Cluster', cell: ({ cluster }) => cluster ?? '' },
  { title: 'CPU', isNumber: true, isTight: true, cell: ({ cpuCores, cpuMhz }) => cpuWords(cpuCores, cpuMhz) },
  { title: 'Memory', isNumber: true, isTight: true, cell: ({ memoryBytes }) => formatBytes(memoryBytes) },
  { title: 'Changed', isTight: true, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];

/** `mhz` is that of all cores together. */
export function cpuWords(cores: number | undefined, mhz: number): string {
  const speed = `${(mhz / 1_000).toFixed(mhz < 10_000 ? 1 : 0)} GHz`;
  return cores === undefined ? speed : `${cores} cores, ${speed}`;
}
