import '../jobs/jobs.css';
import type { StowageEvent } from '../api/event.ts';
import { ResourceLink } from '../jobs/resource-link.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

const COLUMNS: readonly Column<StowageEvent>[] = [
  { title: 'Type', cell: ({ type }) => <code>{type}</code> },
  { title: 'When', isTight: true, cell: ({ time }) => <Time at={time} /> },
  { title: 'Subject', cell: ({ subject }) => <ResourceLink resource={subject} /> },
  { title: 'Data', cell: ({ data }) => <Data data={data} /> },
];

export function EventsTable({
  events,
  isStale = false,
}: {
  readonly events: readonly StowageEvent[];
  readonly isStale?: boolean;
}) {
  return <Table label="Events" items={events} columns={COLUMNS} keyOf={({ id }) => id} isStale={isStale} />;
}

function Data({ data }: { readonly data: StowageEvent['data'] }) {
  const text = JSON.stringify(data);
  if (text === '{}') return null;
  return (
    <span class="mono trouble" title={text}>
      {text}
    </span>
  );
}
