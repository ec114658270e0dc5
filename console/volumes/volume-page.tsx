import { useRoute } from 'preact-iso/router';
import type { Holder, Volume } from '../api/volume.ts';
import { History } from '../jobs/history.tsx';
import { FormLink, JobButton } from '../jobs/job-button.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { FlagView } from '../ui/flag-view.tsx';
import { Facts, Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

const parent = { href: '/console/volumes', title: 'Volumes' };

export function VolumePage() {
  const name = useRoute().params['name'] ?? '';
  const query = useQuery<Volume>(`/v1/volumes/${encodeURIComponent(name)}`, about(`volume:${name}`));
  const volume = query.data;
  if (volume === undefined || query.problem?.document.status === 404) {
    return (
      <Page title={name} parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
        <History resource={`volume:${name}`} />
      </Page>
    );
  }
  return (
    <Page
      title={volume.name}
      parent={parent}
      badge={<StateBadge state={volume.state} />}
      actions={<Actions volume={volume} />}
    >
      <FlagView flag={volume.flag} />
      {volume.failure !== undefined && (
        <p class="muted">
          It is half done, since {volume.failure.during} failed: {volume.failure.message}
        </p>
      )}
      <VolumeFacts volume={volume} />
      <Panel title="Held by" isFlush>
        {volume.holders.length === 0 ? (
          <Empty title="No machine holds it" />
        ) : (
          <Table
            label="Holders"
            items={volume.holders}
            columns={holderColumns(volume)}
            keyOf={({ machine }) => machine}
          />
        )}
      </Panel>
      <History resource={`volume:${volume.name}`} />
    </Page>
  );
}

function Actions({ volume: { name, holders } }: { readonly volume: Volume }) {
  const held = holders.map(({ machineName }) => machineName).join(', ');
  return (
    <>
      <FormLink label="Attach" icon="plus" kind="volume.attach" given={{ volume: name }} />
      <FormLink label="Expand" icon="volume" kind="volume.expand" given={{ name }} />
      <FormLink label="Clone" icon="copy" kind="volume.clone" given={{ source: name }} />
      <JobButton
        label="Remove"
        icon="trash"
        kind="volume.remove"
        payload={{ name }}
        isDanger
        unless={held === '' ? undefined : `${held} holds it.`}
        confirm={{ title: `Remove ${name} and its data?`, body: <p>The disk is deleted; nothing brings it back.</p> }}
      />
    </>
  );
}

function VolumeFacts({ volume }: { readonly volume: Volume }) {
  const labels = Object.entries(volume.labels).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  const mono = (text: string | null) => text !== null && <span class="mono">{text}</span>;
  return (
    <Facts
      facts={[
        ['Size', volume.capacity],
        ['Store', volume.store],
        ['Datastore', volume.datastore],
        ['Backing', volume.backing],
        ['Access', volume.access],
        ['Disk format', volume.backing === 'block' && volume.diskFormat],
        ['File system', volume.backing === 'block' && volume.fileSystem],
        ['Clone of', volume.cloneFrom],
        ['Path', mono(volume.path ?? volume.home)],
        ['UUID of the disk', mono(volume.diskUuid)],
        ['Labels', labels.join(', ')],
        ['Made', <Time key="made" at={volume.createdAt} />],
        ['Changed', <Time key="changed" at={volume.updatedAt} />],
      ]}
    />
  );
}

function holderColumns({ name }: Volume): readonly Column<Holder>[] {
  return [
    {
      title: 'Machine',
      cell: ({ machine, machineName }) => (
        <>
          {machineName} <span class="muted mono">{machine}</span>
        </>
      ),
    },
    { title: 'Access', isTight: true, cell: ({ access }) => access },
    {
      title: 'At',
      isTight: true,
      cell: ({ controllerKey, unit }) => (controllerKey === undefined ? '' : `${controllerKey}:${unit ?? ''}`),
    },
    {
      title: 'Actions',
      isTight: true,
      isPlain: true,
      cell: ({ machine, machineName }) => (
        <JobButton
          label="Detach"
          icon="cross"
          kind="volume.detach"
          payload={{ volume: name, machine }}
          isDanger
          confirm={{
            title: `Detach ${name} from ${machineName}?`,
            body: <p>What runs there cannot reach it any more. Its data stays.</p>,
          }}
        />
      ),
    },
  ];
}
