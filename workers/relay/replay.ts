import type { SigningEndpoint, WebhookOutbox, WebhookSnapshot } from '../../core/ports/webhooks.ts';
import { planBatch } from './fan-out.ts';

const EVENTS_AT_ONCE = 200;
/** With more deliveries waiting than this, an endpoint gets no more of its replay for now. */
const MAX_PENDING = 5_000;

/** Plans a part of each replay that is under way. Resolves with whether there is more to do now. */
export async function continueReplays(outbox: WebhookOutbox): Promise<boolean> {
  const snapshot = await outbox.snapshot();
  let isMore = false;
  for (const replay of snapshot.replays) {
    const endpoint = snapshot.endpoints.find(({ id }) => id === replay.webhook);
    if (endpoint === undefined || endpoint.state === 'disabled' || endpoint.pending >= MAX_PENDING) continue;
    isMore = (await continueReplay(outbox, snapshot, { ...replay, endpoint })) || isMore;
  }
  return isMore;
}

async function continueReplay(
  outbox: WebhookOutbox,
  { rev }: WebhookSnapshot,
  replay: WebhookSnapshot['replays'][number] & { readonly endpoint: SigningEndpoint },
): Promise<boolean> {
  const { range, webhook } = replay;
  const events = await outbox.eventsIn(range, EVENTS_AT_ONCE);
  // A replay may go back to before the endpoint was made.
  const endpoints = [{ ...replay.endpoint, after: '0-0' }];
  const { batch, size } = planBatch({ rev, endpoints }, events, range.after);
  const isLast = size === events.length && events.length < EVENTS_AT_ONCE;
  await outbox.fanOut({
    ...batch,
    ...(isLast ? { until: range.until } : {}),
    replay: { webhook, range },
  });
  return !isLast;
}
