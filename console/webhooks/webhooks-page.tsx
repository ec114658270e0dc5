import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import type { NewWebhook, Webhook } from '../api/webhook.ts';
import { about, useQuery } from '../live/query.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { SecretDialog } from '../ui/secret.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { WebhookDialog } from './webhook-dialog.tsx';
import { SECRET_WORDS, WebhookState } from './webhook-state.tsx';

export function WebhooksPage() {
  const query = useQuery<{ readonly items: readonly Webhook[] }>('/v1/webhooks', about('webhook'));
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewWebhook>();
  const { route } = useLocation();
  const webhooks = query.data?.items;
  return (
    <Page
      title="Webhooks"
      actions={
        <ActionButton
          label="New webhook"
          icon="plus"
          needs="admin"
          isPrimary
          run={async () => {
            setMaking(true);
            return undefined;
          }}
        />
      }
    >
      <p class="muted">Events are sent to these addresses, signed as Standard Webhooks say, each until it is taken.</p>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title="Endpoints" isFlush>
        {webhooks === undefined && query.problem === undefined && <Loading />}
        {webhooks?.length === 0 && (
          <Empty title="No webhooks yet">
            <p>With one, a program of yours hears of dead letters, recoveries or whatever else it wants to know.</p>
          </Empty>
        )}
        {webhooks !== undefined && webhooks.length > 0 && (
          <Table label="Webhooks" items={webhooks} columns={COLUMNS} keyOf={({ id }) => id} />
        )}
      </Panel>
      {isMaking && (
        <WebhookDialog
          onClose={() => setMaking(false)}
          onDone={(webhook) => {
            setMaking(false);
            query.refetch();
            if ('secret' in webhook) setMade(webhook);
          }}
        />
      )}
      {made !== undefined && (
        <SecretDialog
          title="The webhook's secret"
          words={SECRET_WORDS}
          secret={made.secret}
          onClose={() => route(`/console/webhooks/${made.id}`)}
        />
      )}
    </Page>
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  {
    title: 'URL',
    cell: ({ id, url, description }) => (
      <>
        <a class="row-link mono" href={`/console/webhooks/${id}`}>
          {url}
        </a>
        {description !== '' && <p class="muted">{description}</p>}
      </>
    ),
  },
  { title: 'State', isTight: true, isPlain: true, cell: (webhook) => <WebhookState webhook={webhook} /> },
  { title: 'Events', cell: ({ eventTypes }) => <code>{eventTypes.join(', ')}</code> },
  { title: 'Pending', isNumber: true, isTight: true, cell: ({ pending }) => pending.toLocaleString('en') },
  { title: 'Changed', isTight: true, cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];
