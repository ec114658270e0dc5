import type { FanOut, ReplayRange, Settlement, WebhookOutbox } from '../core/ports/webhooks.ts';
import { DISABLE_AFTER_MS, type DeliveryId, MAX_ATTEMPTS_KEPT, MAX_DELIVERIES_KEPT } from '../core/webhook-delivery.ts';
import type { Delivery } from '../core/webhook-delivery.ts';
import type { DisabledReason, WebhookId } from '../core/webhook.ts';
import { decodeEvent, followStream, type StreamEntry } from './events.ts';
import { raise, type RedisClient } from './redis.ts';
import { replyOf, type Scripts } from './scripts.ts';
import { createWebhookReads } from './webhook-codec.ts';

const PURGE_AT_ONCE = 200;

export function createWebhookOutbox(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly nowMs: () => number;
  readonly openBlocking: () => RedisClient;
}): WebhookOutbox {
  const { client, prefix, scripts, nowMs, openBlocking } = parts;
  const reads = createWebhookReads(client, prefix);
  const stream = `${prefix}events`;
  const run = (name: Parameters<Scripts['run']>[0], args: readonly (string | number)[]): Promise<unknown> =>
    scripts.run(name, `${prefix}hooks`, args);
  return {
    async snapshot() {
      // First: what changes while the rest is read makes the plan `changed`.
      const rev = (await client.get(`${prefix}hooks-rev`).catch(raise)) ?? '0';
      const [cursor, replays, endpoints] = await Promise.all([
        client.hget(`${prefix}hooks-cursor`, 'at').catch(raise),
        client.hgetall(`${prefix}hooks-replays`).catch(raise),
        reads.endpoints(),
      ]);
      return {
        rev,
        endpoints,
        cursor: cursor ?? '0-0',
        replays: Object.entries(replays).map(([id, range]) => ({
          webhook: id as WebhookId,
          range: JSON.parse(range) as ReplayRange,
        })),
      };
    },
    follow: (after, signal) => followStream(openBlocking, stream, after, signal),
    async eventsIn({ after, until }, limit) {
      const entries = await client.xrange(stream, `(${after}`, until, 'COUNT', limit).catch(raise);
      return (entries as readonly StreamEntry[]).map(decodeEvent);
    },
    async fanOut(batch) {
      return String(await run('hook-fan', encodeBatch(batch, nowMs()))) as 'done' | 'moved' | 'changed';
    },
    async due(now, limit) {
      const reply = replyOf(await run('hook-due', [now, limit]));
      const groups = await Promise.all(
        groupsOf(reply).map(async ({ id, deliveries }) => {
          const [endpoint, read] = await Promise.all([reads.endpoint(id), reads.deliveries(deliveries)]);
          return endpoint === undefined
            ? []
            : [{ endpoint, deliveries: read.filter(({ state }) => state === 'pending') }];
        }),
      );
      return groups.flat();
    },
    async settle(delivery, settlement) {
      const reply = String(await run('hook-settle', encodeSettlement(delivery, settlement, nowMs())));
      if (reply === 'done' || reply === 'stale') return reply;
      return { disabled: reply.replace('disabled:', '') as DisabledReason };
    },
    async purge() {
      if ((await client.exists(`${prefix}hooks-gone`).catch(raise)) === 0) return false;
      return Number(await run('hook-purge', [PURGE_AT_ONCE])) > 0;
    },
  };
}

function encodeBatch({ rev, after, until, eventCount, planned, replay }: FanOut, now: number): (string | number)[] {
  const left: ReplayRange | undefined =
    replay === undefined || until === replay.range.until ? undefined : { after: until, until: replay.range.until };
  return [
    rev,
    replay === undefined ? after : JSON.stringify(replay.range),
    until,
    eventCount,
    replay?.webhook ?? '',
    left === undefined ? '' : JSON.stringify(left),
    now,
    ...planned.flatMap(({ id, webhook, event }) => [id, webhook, event.subject, JSON.stringify(event)]),
  ];
}

function encodeSettlement(delivery: Delivery, settlement: Settlement, now: number): (string | number)[] {
  const { attempt, outcome, pauseUntilMs } = settlement;
  return [
    delivery.id,
    delivery.attemptCount,
    JSON.stringify([...delivery.attempts, attempt].slice(-MAX_ATTEMPTS_KEPT)),
    outcome.outcome,
    outcome.outcome === 'retry' ? outcome.nextAttemptMs : '',
    outcome.outcome === 'retry' && outcome.stepsAside ? 1 : 0,
    outcome.outcome === 'failed' && outcome.disables ? 1 : 0,
    pauseUntilMs ?? '',
    now,
    DISABLE_AFTER_MS,
    MAX_DELIVERIES_KEPT,
  ];
}

/** hook-due.lua's reply: for each endpoint its id, how many, and their ids. */
function groupsOf(
  reply: readonly string[],
): readonly { readonly id: WebhookId; readonly deliveries: readonly DeliveryId[] }[] {
  const groups: { readonly id: WebhookId; readonly deliveries: readonly DeliveryId[] }[] = [];
  for (let at = 0; at + 1 < reply.length; ) {
    const end = at + 2 + Number(reply[at + 1]);
    groups.push({ id: reply[at] as WebhookId, deliveries: reply.slice(at + 2, end) as DeliveryId[] });
    at = end;
  }
  return groups;
}
