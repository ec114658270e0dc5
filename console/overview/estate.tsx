import type { OverviewHost, OverviewStore } from '../api/overview.ts';
import { Icon } from '../ui/icon.tsx';
import { lookOf, StateBadge } from '../ui/badge.tsx';
import { formatBytes } from '../ui/bytes.ts';
import { Empty } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';

/** Containers of one host that are named; the rest is on its page. */
const NAMED = 12;
/** Of its capacity, where a store counts as nearly full. */
const FULL = 0.9;

export function Hosts({ hosts }: { readonly hosts: readonly OverviewHost[] }) {
  if (hosts.length === 0) return <Empty title="No host has been seen yet" />;
  return (
    <div class="hosts">
      {hosts.map((host) => (
        <article key={host.name} class="host-card">
          <header>
            <a href={`/console/hosts/${encodeURIComponent(host.name)}`}>{host.name}</a>
            <StateBadge state={host.maintenance && host.state === 'connected' ? 'maintenance' : host.state} />
          </header>
          {host.containerCount === 0 ? <p class="muted">No containers</p> : <Containers host={host} />}
        </article>
      ))}
    </div>
  );
}

function Containers({ host: { name, containers, containerCount } }: { readonly host: OverviewHost }) {
  const more = containerCount - Math.min(NAMED, containers.length);
  return (
    <ul>
      {containers.slice(0, NAMED).map((container) => {
        const look = container.state === 'running' ? { tone: 'good', icon: 'check' as const } : lookOf(container.state);
        return (
          <li key={container.id}>
            <a
              class={`chip ${look.tone}`}
              href={`/console/containers/${container.id}`}
              title={`${container.name}: ${container.state}`}
            >
              <Icon name={look.icon} size={12} />
              <span>{container.name}</span>
              <span class="hidden-visually">{container.state}</span>
            </a>
          </li>
        );
      })}
      {more > 0 && (
        <li>
          <a class="chip" href={`/console/hosts/${encodeURIComponent(name)}`}>
            {more.toLocaleString('en')} more
          </a>
        </li>
      )}
    </ul>
  );
}

const STORE_COLUMNS: readonly Column<OverviewStore>[] = [
  {
    title: 'Store',
    cell: (store) => (
      <>
        <a class="row-link" href={`/console/volumes?store=${encodeURIComponent(store.name)}`}>
          {store.name}
        </a>{' '}
        <span class="muted">{store.kind}</span>
      </>
    ),
  },
  {
    title: 'Volumes',
    isNumber: true,
    cell: (store) => `${store.volumes.toLocaleString('en')}, ${formatBytes(store.volumeBytes)}`,
  },
  { title: 'Free', isNumber: true, cell: (store) => <Free store={store} /> },
  { title: 'Used', isPlain: true, cell: (store) => <Meter store={store} /> },
];

export function Stores({ stores }: { readonly stores: readonly OverviewStore[] }) {
  if (stores.length === 0) return <Empty title="No volume store has been seen yet" />;
  return <Table label="Volume stores" items={stores} columns={STORE_COLUMNS} keyOf={(store) => store.name} />;
}

function Free({ store: { freeBytes, capacityBytes } }: { readonly store: OverviewStore }) {
  if (freeBytes === undefined || capacityBytes === undefined) return <span class="muted">not known</span>;
  return (
    <>
      {formatBytes(freeBytes)} <span class="muted">of {formatBytes(capacityBytes)}</span>
    </>
  );
}

function Meter({ store: { name, freeBytes, capacityBytes } }: { readonly store: OverviewStore }) {
  if (freeBytes === undefined || capacityBytes === undefined || capacityBytes === 0) return null;
  const used = 1 - freeBytes / capacityBytes;
  const percent = `${Math.round(used * 100)}%`;
  return (
    <span
      class={`meter${used > FULL ? ' full' : ''}`}
      role="img"
      aria-label={`${name}: ${percent} used`}
      title={`${percent} used`}
    >
      <span style={{ width: percent }} />
    </span>
  );
}
