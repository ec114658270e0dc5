import { useRoute } from 'preact-iso/router';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { HostWithContainers } from '../api/host.ts';
import type { Job } from '../api/job.ts';
import { History } from '../jobs/history.tsx';
import { JobButton } from '../jobs/job-button.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { formatBytes } from '../ui/bytes.ts';
import { Facts, Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Elapsed, Time } from '../ui/time.tsx';
import { HostState } from './host-state.tsx';
import { cpuWords } from './hosts-page.tsx';

const parent = { href: '/console/hosts', title: 'Hosts' };

export function HostPage() {
  const name = useRoute().params['name'] ?? '';
  const query = useQuery<HostWithContainers>(`/v1/hosts/${encodeURIComponent(name)}`, about('host', 'container'));
  const host = query.data;
  if (host === undefined) {
    return (
      <Page title={name} parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
      </Page>
    );
  }
  return (
    <Page title={host.name} parent={parent} badge={<HostState host={host} />} actions={<Actions host={host} />}>
      <Facts
        facts={[
          ['Moref', host.ref],
          ['Cluster', host.cluster],
          ['CPU', cpuWords(host.cpuCores, host.cpuMhz)],
          ['Memory', formatBytes(host.memoryBytes)],
          ['Changed', <Time key="at" at={host.updatedAt} />],
        ]}
      />
      <Panel
        title={`Containers (${host.containers.length})`}
        isFlush
        aside={<a href={withQuery('/console/containers', { host: host.name })}>All of them</a>}
      >
        {host.containers.length === 0 ? (
          <Empty title="None" />
        ) : (
          <Table label="Containers" items={host.containers} columns={CONTAINER_COLUMNS} keyOf={({ id }) => id} />
        )}
      </Panel>
      <Recoveries host={host} />
      <History resource={`host-job:${host.name}`} />
    </Page>
  );
}

function Actions({ host }: { readonly host: HostWithContainers }) {
  const payload = { host: host.name };
  const isThere = host.connection === 'connected';
  return (
    <>
      {host.inMaintenance ? (
        <JobButton
          label="End maintenance"
          icon="run"
          kind="host.undrain"
          payload={payload}
          unless={isThere ? undefined : 'vCenter does not reach it.'}
          isPrimary
        />
      ) : (
        <JobButton
          label="Drain"
          icon="pause"
          kind="host.drain"
          payload={payload}
          unless={isThere ? undefined : 'vCenter does not reach it.'}
          confirm={{
            title: `Drain ${host.name}?`,
            body: <p>Its containers move to other hosts, and it goes into maintenance.</p>,
          }}
        />
      )}
      <JobButton
        label="Recover its containers"
        icon="redrive"
        kind="host.recover"
        payload={payload}
        isDanger
        unless={isThere ? 'It is connected: nothing is to be recovered.' : undefined}
        confirm={{
          title: `Recover the containers of ${host.name}?`,
          body: (
            <p>
              They are started on other hosts. A machine that still lives there keeps its disks locked, and is left
              alone.
            </p>
          ),
        }}
      />
    </>
  );
}

const CONTAINER_COLUMNS: readonly Column<HostWithContainers['containers'][number]>[] = [
  {
    title: 'Name',
    cell: ({ id, name }) => (
      <a class="row-link" href={`/console/containers/${id}`}>
        {name} <span class="mono muted">{id.slice(0, 12)}</span>
      </a>
    ),
  },
  {
    title: 'State',
    isTight: true,
    isPlain: true,
    cell: ({ state }) => <StateBadge state={state} {...(state === 'running' ? { tone: 'good', icon: 'check' } : {})} />,
  },
];

/** How often this host was lost, and how that went. */
function Recoveries({ host }: { readonly host: HostWithContainers }) {
  const query = useQuery<PageOf<Job>>(
    withQuery('/v1/jobs', { kind: 'host.recover', resource: `host-job:${host.name}`, limit: 10 }),
    about('job'),
  );
  const jobs = query.data?.items ?? [];
  return (
    <Panel title="Recoveries" isFlush>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      {query.data !== undefined && jobs.length === 0 && <Empty title="It was never lost, as far as jobs are kept" />}
      {jobs.length > 0 && <Table label="Recoveries" items={jobs} columns={RECOVERY_COLUMNS} keyOf={({ id }) => id} />}
    </Panel>
  );
}

const RECOVERY_COLUMNS: readonly Column<Job>[] = [
  {
    title: 'Begun',
    cell: ({ id, createdAt }) => (
      <a class="row-link" href={`/console/recoveries/${id}`}>
        <Time at={createdAt} />
      </a>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: ({ state }) => <StateBadge state={state} /> },
  { title: 'Recovered', isNumber: true, isTight: true, cell: ({ result }) => numberOf(result, 'recovered') },
  { title: 'Lost', isNumber: true, isTight: true, cell: ({ result }) => numberOf(result, 'lost') },
  {
    title: 'Took',
    isNumber: true,
    isTight: true,
    cell: ({ startedAt, finishedAt }) => (startedAt === null ? '–' : <Elapsed from={startedAt} to={finishedAt} />),
  },
];

/** Of the result of a job; there is none before its end. */
function numberOf(result: Job['result'], name: string): string {
  const value = result?.[name];
  return typeof value === 'number' ? value.toLocaleString('en') : '–';
}
