import { createHash } from 'node:crypto';
import { compareEventIds, type StowageEvent } from '../../core/events.ts';
import { newJobId } from '../../core/ids.ts';
import type {
  FanOut,
  PlannedDelivery,
  SigningEndpoint,
  WebhookOutbox,
  WebhookSnapshot,
} from '../../core/ports/webhooks.ts';
import { newDeliveryId } from '../../core/webhook-delivery.ts';
import { wantsEvent, type WebhookId } from '../../core/webhook.ts';
import { pause } from '../../platform/pause.ts';

/** Deliveries after which one write is full: Redis does nothing else while it stores them, a millisecond or two. */
const PLANNED_AT_ONCE = 100;
/** Without an endpoint it is looked again for one so often. An endpoint gets what comes after it was made, however late it is noticed. */
const IDLE_MS = 500;

export interface FanOutParts {
  readonly outbox: WebhookOutbox;
  /** There is something to deliver. */
  readonly onPlanned: () => void;
}

/** Turns events into deliveries until the signal fires. The cursor moves in the write that stores them, so a crash loses and doubles none. */
export async function fanOutEvents({ outbox, onPlanned }: FanOutParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    let snapshot = await outbox.snapshot();
    if (snapshot.endpoints.length === 0) {
      await pause(IDLE_MS, signal);
      continue;
    }
    let after = snapshot.cursor;
    const ended = new AbortController();
    const follow = outbox.follow(after, AbortSignal.any([signal, ended.signal]));
    for await (const events of follow) {
      for (let rest = events; rest.length > 0 && !ended.signal.aborted; ) {
        const { batch, size } = planBatch(snapshot, rest, after);
        const said = await outbox.fanOut(batch);
        if (said === 'changed') snapshot = await outbox.snapshot();
        else if (said === 'moved' || snapshot.endpoints.length === 0) ended.abort();
        else {
          after = batch.until;
          rest = rest.slice(size);
          if (batch.planned.length > 0) onPlanned();
        }
      }
      if (ended.signal.aborted) break;
    }
  }
}

/** The next events of a batch that fit into one write. */
export function planBatch(
  { rev, endpoints }: Pick<WebhookSnapshot, 'rev' | 'endpoints'>,
  events: readonly StowageEvent[],
  after: string,
): { readonly batch: FanOut; readonly size: number } {
  const planned: PlannedDelivery[] = [];
  let size = 0;
  while (size < events.length && planned.length < PLANNED_AT_ONCE) {
    const event = events[size];
    size += 1;
    if (event !== undefined) planned.push(...planEvent(endpoints, event));
  }
  return { batch: { rev, after, until: events[size - 1]?.id ?? after, eventCount: size, planned }, size };
}

function planEvent(endpoints: readonly SigningEndpoint[], event: StowageEvent): readonly PlannedDelivery[] {
  return endpoints
    .filter(({ state, after, eventTypes }) => {
      if (state === 'disabled' || compareEventIds(event.id, after) <= 0) return false;
      return wantsEvent(eventTypes, event.type);
    })
    .map(({ id }) => planDelivery(id, event));
}

/** The id follows from event and endpoint: whoever plans it again, plans the same. */
function planDelivery(webhook: WebhookId, event: StowageEvent): PlannedDelivery {
  const [ms = 0, at = 0] = event.id.split('-').map(Number);
  const hash = createHash('sha256').update(`${event.id} ${webhook}`).digest();
  // What the stream counts within a millisecond comes first: ids sort as their events do.
  hash.writeUInt16BE(Math.min(at, 0xffff));
  return { id: newDeliveryId(newJobId(ms, hash)), webhook, event };
}
