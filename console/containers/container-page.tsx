import { useRoute } from 'preact-iso/router';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { Container, Mount } from '../api/container.ts';
import type { StowageEvent } from '../api/event.ts';
import type { HostWithContainers } from '../api/host.ts';
import { EventsTable } from '../events/events-table.tsx';
import { History } from '../jobs/history.tsx';
import { about, useQuery } from '../live/query.ts';
import { formatBytes } from '../ui/bytes.ts';
import { FlagView } from '../ui/flag-view.tsx';
import { Facts, Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { ContainerActions } from './container-actions.tsx';
import { ContainerState } from './container-state.tsx';

const parent = { href: '/console/containers', title: 'Containers' };

export function ContainerPage() {
  const id = useRoute().params['id'] ?? '';
  const query = useQuery<Container>(`/v1/containers/${encodeURIComponent(id)}`, about(`container:${id}`));
  const container = query.data;
  if (container === undefined || query.problem?.document.status === 404) {
    return (
      <Page title="Container" parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
        <History resource={`container:${id}`} />
      </Page>
    );
  }
  return (
    <Page
      title={container.name}
      parent={parent}
      badge={<ContainerState container={container} />}
      actions={<ContainerActions container={container} />}
    >
      <FlagView flag={container.flag} />
      {container.error !== undefined && <p class="flag">{container.error}</p>}
      {container.recovery !== undefined && (
        <p>
          Its host was lost: <a href={`/console/recoveries/${container.recovery}`}>the recovery</a> has it.
        </p>
      )}
      <ContainerFacts container={container} />
      <Panel title="Volumes" isFlush>
        {container.mounts.length === 0 ? (
          <Empty title="It mounts none" />
        ) : (
          <Table
            label="Volumes"
            items={container.mounts}
            columns={MOUNT_COLUMNS}
            keyOf={({ destination }) => destination}
          />
        )}
      </Panel>
      <Panel title="Environment" isFlush>
        {container.env.length === 0 ? (
          <Empty title="No variables" />
        ) : (
          <pre class="json" tabIndex={0} role="group" aria-label="Environment">
            {container.env.join('\n')}
          </pre>
        )}
      </Panel>
      <Events id={container.id} />
      <History resource={`container:${container.id}`} />
    </Page>
  );
}

function ContainerFacts({ container }: { readonly container: Container }) {
  const { run, machine, restart } = container;
  const host = useQuery<HostWithContainers>(
    machine?.host === undefined ? undefined : `/v1/hosts/${encodeURIComponent(machine.host)}`,
  ).data;
  const mono = (text: string | undefined) => text !== undefined && <span class="mono">{text}</span>;
  const labels = Object.entries(container.labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  return (
    <Facts
      facts={[
        ['Id', mono(container.id)],
        [
          'Image',
          <a key="image" class="mono" href={`/console/images/${encodeURIComponent(container.image)}`}>
            {container.imageName}
          </a>,
        ],
        ['Command', mono([...container.entrypoint, ...container.command].join(' '))],
        ['Host', host !== undefined && <a href={`/console/hosts/${encodeURIComponent(host.name)}`}>{host.name}</a>],
        ['Machine', mono(machine?.ref)],
        ['UUID of the machine', mono(machine?.uuid)],
        ['Configuration file', mono(machine?.vmxPath)],
        ['Wanted', run.wanted],
        ['Started', run.startedAt !== undefined && <Time at={run.startedAt} />],
        ['Ended', run.finishedAt !== undefined && <Time at={run.finishedAt} />],
        ['Exit code', run.exitCode],
        ['Restart policy', restart.name === 'on-failure' ? `on-failure:${restart.maxRetries}` : restart.name],
        ['Restarts', run.restarts > 0 && run.restarts],
        ['Memory', container.memoryBytes > 0 && formatBytes(container.memoryBytes)],
        ['CPUs', container.nanoCpus > 0 && container.nanoCpus / 1e9],
        ['Network', container.network],
        ['User', container.user],
        ['Working directory', mono(container.workingDir === '' ? undefined : container.workingDir)],
        ['Hostname', container.hostname],
        ['Removed at its end', container.autoRemove && 'yes'],
        ['Labels', labels.join(', ')],
        ['Made', <Time key="made" at={container.createdAt} />],
        ['Changed', <Time key="changed" at={container.updatedAt} />],
      ]}
    />
  );
}

const MOUNT_COLUMNS: readonly Column<Mount>[] = [
  {
    title: 'Volume',
    cell: ({ volume, anonymous }) => (
      <>
        <a class="row-link" href={`/console/volumes/${encodeURIComponent(volume)}`}>
          {anonymous ? volume.slice(0, 12) : volume}
        </a>
        {anonymous && <span class="muted"> anonymous</span>}
      </>
    ),
  },
  { title: 'At', cell: ({ destination }) => <span class="mono">{destination}</span> },
  { title: 'Access', isTight: true, cell: ({ access }) => access },
  { title: 'Backing', isTight: true, cell: ({ backing }) => backing },
];

function Events({ id }: { readonly id: string }) {
  const subject = `container:${id}`;
  const query = useQuery<PageOf<StowageEvent>>(withQuery('/v1/events', { subject, limit: 15 }), about(subject));
  const events = query.data?.items;
  return (
    <Panel title="Events" isFlush aside={<a href={withQuery('/console/events', { subject })}>All of them</a>}>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      {events?.length === 0 && <Empty title="No event of it is kept" />}
      {events !== undefined && events.length > 0 && <EventsTable events={events} />}
    </Panel>
  );
}
