import './deliveries.css';
import { useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import type { Delivery, DeliveryAttempt } from '../api/webhook.ts';
import { ResourceLink } from '../jobs/resource-link.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { StateBadge } from '../ui/badge.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Facts, Json } from '../ui/page.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { formatDuration, Time } from '../ui/time.tsx';

interface DeliveriesTableProps {
  readonly deliveries: readonly Delivery[];
  readonly isStale: boolean;
  readonly onDone: () => void;
}

export function DeliveriesTable({ deliveries, isStale, onDone }: DeliveriesTableProps) {
  const [shownId, setShown] = useState<string>();
  // What is shown goes on with the list.
  const shown = deliveries.find(({ id }) => id === shownId);
  const columns: readonly Column<Delivery>[] = [
    {
      title: 'Event',
      cell: ({ id, event, isTest }) => (
        <>
          <button type="button" class="link" onClick={() => setShown(id)}>
            {event.type}
          </button>
          {isTest && event.type !== 'webhook.test' && <span class="muted"> test</span>}
        </>
      ),
    },
    { title: 'State', isTight: true, isPlain: true, cell: ({ state }) => <StateBadge state={state} /> },
    { title: 'Subject', cell: ({ event }) => <ResourceLink resource={event.subject} /> },
    { title: 'Answer', cell: ({ attempts }) => <Answer attempt={attempts.at(-1)} /> },
    { title: 'Attempts', isNumber: true, isTight: true, cell: ({ attemptCount }) => attemptCount },
    { title: 'Event of', isTight: true, cell: ({ event }) => <Time at={event.time} /> },
    {
      title: 'Next',
      isTight: true,
      cell: ({ nextAttemptAt }) => (nextAttemptAt === undefined ? '' : <Time at={nextAttemptAt} />),
    },
    {
      title: 'Actions',
      isTight: true,
      isPlain: true,
      cell: (delivery) => <Resend delivery={delivery} onDone={onDone} />,
    },
  ];
  return (
    <>
      <Table label="Deliveries" items={deliveries} columns={columns} keyOf={({ id }) => id} isStale={isStale} />
      {shown !== undefined && <DeliveryDialog delivery={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function Answer({ attempt }: { readonly attempt: DeliveryAttempt | undefined }) {
  if (attempt === undefined) return <span class="muted">none yet</span>;
  return (
    <>
      {attempt.status ?? 'no answer'} <span class="muted">{attempt.error ?? formatDuration(attempt.durationMs)}</span>
    </>
  );
}

function Resend({ delivery: { id }, onDone }: { readonly delivery: Delivery; readonly onDone: () => void }) {
  return (
    <ActionButton
      label="Resend"
      icon="redrive"
      needs="admin"
      run={async () => {
        await request('POST', `/v1/deliveries/${id}/resend`);
        onDone();
        return 'It is sent again now, under the same id.';
      }}
    />
  );
}

function DeliveryDialog({ delivery, onClose }: { readonly delivery: Delivery; readonly onClose: () => void }) {
  return (
    <Dialog title={`Delivery of ${delivery.event.type}`} isWide onClose={onClose}>
      <div class="stack">
        <Facts
          facts={[
            ['State', <StateBadge key="state" state={delivery.state} />],
            [
              'webhook-id',
              <span key="id" class="mono">
                {delivery.id}
              </span>,
            ],
            ['Attempts', delivery.attemptCount],
            ['Next attempt', delivery.nextAttemptAt !== undefined && <Time at={delivery.nextAttemptAt} />],
            ['Ended', delivery.endedAt !== undefined && <Time at={delivery.endedAt} />],
          ]}
        />
        <h3>Request</h3>
        <Json value={delivery.event} label="The event that is sent" />
        <h3>Answers</h3>
        {delivery.attempts.length === 0 && <p class="muted">No attempt was made yet.</p>}
        {delivery.attempts.toReversed().map((attempt) => (
          <section key={attempt.at} class="answer" aria-label={`Attempt of ${attempt.at}`}>
            <p>
              <strong>{attempt.status ?? 'No answer'}</strong> after {formatDuration(attempt.durationMs)},{' '}
              <Time at={attempt.at} />
            </p>
            {attempt.error !== undefined && <p>{attempt.error}</p>}
            {attempt.responseHeaders !== undefined && (
              <Json value={attempt.responseHeaders} label="Headers of the answer" />
            )}
            {attempt.responseBody !== undefined && attempt.responseBody !== '' && (
              <pre class="json">{attempt.responseBody}</pre>
            )}
          </section>
        ))}
        <div class="row end">
          <button type="button" class="button primary" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
    </Dialog>
  );
}
