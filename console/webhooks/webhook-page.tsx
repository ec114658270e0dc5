import { useMemo } from 'preact/hooks';
import { useRoute } from 'preact-iso/router';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { Delivery, Webhook } from '../api/webhook.ts';
import { about, useQuery } from '../live/query.ts';
import { useRefresh } from '../live/refresh.ts';
import { Tabs } from '../ui/filter-fields.tsx';
import { useFilters } from '../ui/filters.ts';
import { Facts, Page, Panel } from '../ui/page.tsx';
import { Paging } from '../ui/paging.tsx';
import { usePrevious } from '../ui/previous.ts';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { Time } from '../ui/time.tsx';
import { DeliveriesTable } from './deliveries-table.tsx';
import { WebhookActions } from './webhook-actions.tsx';
import { WebhookState } from './webhook-state.tsx';

const parent = { href: '/console/webhooks', title: 'Webhooks' };
/** Deliveries that are under way are told by no event. */
const REFRESH_MS = 2_000;
const STATES = ['', 'pending', 'delivered', 'failed'] as const;

export function WebhookPage() {
  const id = useRoute().params['id'] ?? '';
  const query = useQuery<Webhook>(`/v1/webhooks/${encodeURIComponent(id)}`, about(`webhook:${id}`));
  useRefresh(query.refetch, REFRESH_MS);
  const webhook = query.data;
  if (webhook === undefined) {
    return (
      <Page title="Webhook" parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
      </Page>
    );
  }
  return (
    <Page
      title={new URL(webhook.url).host}
      parent={parent}
      badge={<WebhookState webhook={webhook} />}
      actions={<WebhookActions webhook={webhook} onDone={query.refetch} />}
    >
      <Facts
        facts={[
          [
            'URL',
            <span key="url" class="mono">
              {webhook.url}
            </span>,
          ],
          ['Description', webhook.description],
          ['Events', <code key="types">{webhook.eventTypes.join(', ')}</code>],
          ['Format', webhook.format],
          ['Pending', webhook.pending.toLocaleString('en')],
          ['Failing since', webhook.failingSince !== undefined && <Time at={webhook.failingSince} />],
          ['The receiver asked to wait until', webhook.pausedUntil !== undefined && <Time at={webhook.pausedUntil} />],
          [
            'The old secret signs until',
            webhook.previousSecretUntil !== undefined && <Time at={webhook.previousSecretUntil} />,
          ],
          ['Made', <Time key="at" at={webhook.createdAt} />],
          ['Changed', <Time key="changed" at={webhook.updatedAt} />],
        ]}
      />
      <Deliveries id={webhook.id} />
    </Page>
  );
}

function Deliveries({ id }: { readonly id: string }) {
  const { values, hrefWith } = useFilters();
  const { state = '', cursor } = values;
  const path = useMemo(
    () => withQuery(`/v1/webhooks/${id}/deliveries`, { limit: 25, state, cursor }),
    [id, state, cursor],
  );
  const query = useQuery<PageOf<Delivery>>(path);
  useRefresh(query.refetch, cursor === undefined ? REFRESH_MS : undefined);
  const shown = usePrevious(query.data);
  return (
    <>
      <Tabs
        label="States of deliveries"
        tabs={STATES.map((each) => ({
          href: hrefWith({ state: each }),
          words: each === '' ? 'All' : each.charAt(0).toUpperCase() + each.slice(1),
          isHere: state === each,
        }))}
      />
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title="Deliveries" isFlush>
        {shown === undefined && query.problem === undefined && <Loading />}
        {shown?.items.length === 0 && (
          <Empty title="No deliveries">
            <p>Send a test to see whether the receiver answers.</p>
          </Empty>
        )}
        {shown !== undefined && shown.items.length > 0 && (
          <DeliveriesTable deliveries={shown.items} isStale={query.data === undefined} onDone={query.refetch} />
        )}
      </Panel>
      <Paging next={shown?.next} count={shown?.items.length ?? 0} />
    </>
  );
}
