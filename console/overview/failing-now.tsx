import '../jobs/jobs.css';
import { withQuery } from '../api/client.ts';
import type { Failing } from '../api/overview.ts';
import { ResourceLink } from '../jobs/resource-link.tsx';
import { StateBadge } from '../ui/badge.tsx';
import { Empty } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

/** Jobs of one kind that met the same error; the one that failed last stands for them. */
interface Trouble {
  readonly last: Failing;
  readonly count: number;
}

export function FailingNow({ failing }: { readonly failing: readonly Failing[] }) {
  if (failing.length === 0) {
    return (
      <Empty title="Nothing">
        <p>No job died in the last hour, and none waits for another attempt.</p>
      </Empty>
    );
  }
  return <Table label="Jobs that fail" items={troublesOf(failing)} columns={COLUMNS} keyOf={({ last }) => last.job} />;
}

function troublesOf(failing: readonly Failing[]): readonly Trouble[] {
  const alike = Map.groupBy(failing, ({ kind, code, state }) => `${kind} ${code} ${state}`);
  return [...alike.values()].flatMap((jobs) => {
    const [last] = jobs.toSorted((a, b) => b.at.localeCompare(a.at));
    return last === undefined ? [] : [{ last, count: jobs.length }];
  });
}

const COLUMNS: readonly Column<Trouble>[] = [
  {
    title: 'Job',
    cell: ({ last: { job, kind, code, message } }) => (
      <>
        <a class="row-link" href={`/console/jobs/${job}`}>
          {kind}
        </a>
        <p class="trouble" title={message}>
          <code>{code}</code> {message}
        </p>
      </>
    ),
  },
  {
    title: 'State',
    isTight: true,
    isPlain: true,
    cell: ({ last: { state } }) =>
      state === 'waiting' ? <StateBadge state="retry" words="tries again" /> : <StateBadge state={state} />,
  },
  {
    title: 'Resource',
    isPlain: true,
    cell: ({ last: { resource } }) => resource !== undefined && <ResourceLink resource={resource} />,
  },
  { title: 'Alike', isPlain: true, isTight: true, cell: (trouble) => trouble.count > 1 && <Alike trouble={trouble} /> },
  {
    title: 'Attempt',
    isNumber: true,
    isTight: true,
    cell: ({ last: { attempt, maxAttempts } }) => `${attempt} of ${maxAttempts}`,
  },
  { title: 'Failed', isTight: true, cell: ({ last: { at } }) => <Time at={at} /> },
  {
    title: 'Next attempt',
    isTight: true,
    cell: ({ last: { retryAt } }) => retryAt !== undefined && <Time at={retryAt} />,
  },
];

function Alike({ trouble: { last, count } }: { readonly trouble: Trouble }) {
  const { kind, code, state } = last;
  const href =
    state === 'dead'
      ? withQuery('/console/dead-letters', { kind, code })
      : withQuery('/console/jobs', { state: 'waiting', kind });
  return <a href={href}>and {count - 1} more</a>;
}
