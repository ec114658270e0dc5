import './overview.css';
import type { ComponentChildren } from 'preact';
import type { Overview, Recovery } from '../api/overview.ts';
import { useQuery } from '../live/query.ts';
import { useRefresh } from '../live/refresh.ts';
import { Icon, type IconName } from '../ui/icon.tsx';
import { Page, Panel } from '../ui/page.tsx';
import { Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { formatAge, Time } from '../ui/time.tsx';
import { Hosts, Stores } from './estate.tsx';
import { FailingNow } from './failing-now.tsx';
import { Throughput } from './throughput.tsx';

/** Ages and the chart move on even when nothing happens. */
const REFRESH_MS = 15_000;
/** Not for each event of containers and volumes that changes no number here. */
const TOUCHES = /^(job|host|store|recovery|volume|container)\./;

export function OverviewPage() {
  const query = useQuery<Overview>('/v1/overview', ({ type }) => TOUCHES.test(type));
  useRefresh(query.refetch, REFRESH_MS);
  const overview = query.data;
  return (
    <Page title="Overview">
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      {overview === undefined ? query.problem === undefined && <Loading /> : <Content overview={overview} />}
    </Page>
  );
}

function Content({ overview }: { readonly overview: Overview }) {
  return (
    <>
      {overview.recoveries.length > 0 && <Recoveries recoveries={overview.recoveries} />}
      <Tiles overview={overview} />
      <div class="halves">
        <Panel title="Jobs that ended, by minute">
          <Throughput minutes={overview.throughput} />
        </Panel>
        <Panel title="Lanes" isFlush>
          <Lanes lanes={overview.jobs.lanes} />
        </Panel>
      </div>
      <Panel title="What is failing now" isFlush>
        <FailingNow failing={overview.failing} />
      </Panel>
      <Panel title="Hosts, and the containers on them" isFlush>
        <Hosts hosts={overview.hosts} />
      </Panel>
      <Panel title="Volume stores" isFlush>
        <Stores stores={overview.stores} />
      </Panel>
    </>
  );
}

function Tiles({ overview: { jobs, throughput } }: { readonly overview: Overview }) {
  const { byState, oldestReadyAgeMs, oldestDeadAgeMs } = jobs;
  const ended = throughput.reduce(
    (sum, minute) => sum + minute.succeeded + minute.dead + minute.failed + minute.cancelled,
    0,
  );
  return (
    <div class="tiles">
      <Tile href="/console/jobs?state=running" icon="run" name="Running" value={byState.running} />
      <Tile href="/console/jobs?state=waiting" icon="clock" name="Waiting" value={byState.waiting}>
        {typeof oldestReadyAgeMs === 'number' &&
          oldestReadyAgeMs > 0 &&
          `the next one since ${formatAge(oldestReadyAgeMs)}`}
      </Tile>
      <Tile href="/console/dead-letters" icon="dead" name="Dead letters" value={byState.dead} isBad={byState.dead > 0}>
        {byState.dead > 0 && typeof oldestDeadAgeMs === 'number' && `the oldest since ${formatAge(oldestDeadAgeMs)}`}
      </Tile>
      <Tile href="/console/jobs?since=1h" icon="jobs" name="Ended in the last hour" value={ended}>
        {(ended / 60).toFixed(ended > 600 ? 0 : 1)} a minute
      </Tile>
    </div>
  );
}

interface TileProps {
  readonly href: string;
  readonly icon: IconName;
  readonly name: string;
  readonly value: number;
  readonly isBad?: boolean;
  readonly children?: ComponentChildren;
}

function Tile({ href, icon, name, value, isBad = false, children }: TileProps) {
  return (
    <a class={`tile${isBad ? ' bad' : ''}`} href={href}>
      <span class="name">
        <Icon name={icon} size={14} />
        {name}
      </span>
      <span class="number">{value.toLocaleString('en')}</span>
      <span class="more">{children}</span>
    </a>
  );
}

type Lane = Overview['jobs']['lanes'][number];
const LANE_COLUMNS: readonly Column<Lane>[] = [
  { title: 'Lane', cell: ({ lane }) => lane },
  { title: 'Ready', isNumber: true, cell: ({ ready }) => ready.toLocaleString('en') },
  { title: 'Running', isNumber: true, cell: ({ running }) => running.toLocaleString('en') },
];

function Lanes({ lanes }: { readonly lanes: readonly Lane[] }) {
  return <Table label="Lanes" items={lanes} columns={LANE_COLUMNS} keyOf={({ lane }) => lane} />;
}

function Recoveries({ recoveries }: { readonly recoveries: readonly Recovery[] }) {
  return (
    <ul class="notice">
      {recoveries.map(({ id, host, detectedAt, startedAt }) => {
        const since = detectedAt ?? startedAt;
        return (
          <li key={id}>
            <a href={`/console/recoveries/${id}`}>
              The containers of <strong>{host}</strong> are being recovered
            </a>
            {since !== null && (
              <>
                ; it was lost <Time at={since} />
              </>
            )}
            .
          </li>
        );
      })}
    </ul>
  );
}
