import { StowageError } from '../core/errors.ts';
import type { Delivery, DeliveryId } from '../core/webhook-delivery.ts';
import type { WebhookChange, WebhookFigures, WebhookStore } from '../core/ports/webhooks.ts';
import { MAX_WEBHOOKS, type WebhookEndpoint, type WebhookId } from '../core/webhook.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';
import { createWebhookReads, withoutSecrets } from './webhook-codec.ts';

export function createWebhookStore(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly nowMs: () => number;
}): WebhookStore {
  const { client, prefix, scripts, nowMs } = parts;
  const reads = createWebhookReads(client, prefix);
  const run = (name: Parameters<Scripts['run']>[0], args: readonly (string | number)[]): Promise<unknown> =>
    scripts.run(name, `${prefix}hooks`, args);

  const read = async (id: WebhookId): Promise<WebhookEndpoint> => {
    const found = await reads.endpoint(id);
    if (found === undefined) throw noSuchWebhook(id);
    return withoutSecrets(found);
  };
  const readDelivery = async (id: DeliveryId): Promise<Delivery> => {
    const found = await reads.delivery(id);
    if (found === undefined) throw noSuchDelivery(id);
    return found;
  };
  return {
    async create(id, settings, secrets) {
      const fields = ['settings', JSON.stringify(settings), 'secrets', JSON.stringify(secrets)];
      const reply = await run('hook-put', [id, 'create', '', nowMs(), MAX_WEBHOOKS, ...fields]);
      if (reply === 'full') throw new StowageError('webhook-limit', `there are ${MAX_WEBHOOKS} webhooks already`);
      return read(id);
    },
    async list() {
      return (await reads.endpoints()).map(withoutSecrets);
    },
    async read(id) {
      const found = await reads.endpoint(id);
      return found === undefined ? undefined : withoutSecrets(found);
    },
    async secrets(id) {
      return (await reads.endpoint(id))?.secrets;
    },
    async change(id, change, expectedRev) {
      checkReply(
        await run('hook-put', [id, 'change', expectedRev ?? '', nowMs(), MAX_WEBHOOKS, ...fieldsOf(change)]),
        id,
      );
      return read(id);
    },
    async remove(id, expectedRev) {
      checkReply(await run('hook-remove', [id, expectedRev ?? '']), id);
    },
    async test({ id, webhook, event }) {
      checkReply(await run('hook-again', ['test', id, webhook, nowMs(), JSON.stringify(event)]), webhook);
      return readDelivery(id);
    },
    async deliveries(id, page) {
      const from = page.cursor === undefined ? '+' : `(${page.cursor}`;
      const log = `${prefix}hook-log:${id}`;
      const ids = await client.zrevrangebylex(log, from, '-', 'LIMIT', 0, page.limit + 1).catch(raise);
      const shown = ids.slice(0, page.limit) as DeliveryId[];
      const last = shown.at(-1);
      const items = await reads.deliveries(shown);
      return { items, ...(ids.length > page.limit && last !== undefined ? { next: last } : {}) };
    },
    readDelivery: reads.delivery,
    async resend(id) {
      const { webhook } = await readDelivery(id);
      const reply = await run('hook-again', ['resend', id, webhook, nowMs()]);
      if (reply === 'gone') throw noSuchDelivery(id);
      checkReply(reply, webhook);
      return readDelivery(id);
    },
    async replay(id, range) {
      checkReply(await run('hook-again', ['replay', '', id, nowMs(), JSON.stringify(range)]), id);
    },
    async figures() {
      const [attempts, endpoints] = await Promise.all([
        client.hgetall(`${prefix}hooks-stats`),
        reads.endpoints(),
      ]).catch(raise);
      return {
        attempts: Object.entries(attempts).map(([outcome, count]) => ({ outcome, count: Number(count) })),
        endpoints: await Promise.all(endpoints.map(pendingOf)),
      };
    },
  };

  async function pendingOf({ id, state, pending }: WebhookEndpoint): Promise<WebhookFigures['endpoints'][number]> {
    const [, since] = await client.zrange(`${prefix}hook-pending:${id}`, '0', '0', 'WITHSCORES').catch(raise);
    const oldestPendingAgeMs = since === undefined ? 0 : Math.max(0, nowMs() - Number(since));
    return { id, state, pending, oldestPendingAgeMs };
  }
}

/** For hook-put.lua; an empty value deletes. */
function fieldsOf({ settings, state, secrets }: WebhookChange): readonly string[] {
  return [
    ...(settings === undefined ? [] : ['settings', JSON.stringify(settings)]),
    ...(secrets === undefined ? [] : ['secrets', JSON.stringify(secrets)]),
    ...(state === 'enabled' ? ['state', state, 'reason', '', 'failing', '', 'pause', ''] : []),
    ...(state === 'disabled' ? ['state', state, 'reason', 'person'] : []),
  ];
}

function checkReply(reply: unknown, id: WebhookId): void {
  switch (reply) {
    case 'gone':
      throw noSuchWebhook(id);
    case 'stale':
      throw new StowageError('precondition-failed', `the webhook ${id} was changed meanwhile`);
    case 'disabled':
      throw new StowageError('webhook-disabled', `the webhook ${id} is disabled`);
    case 'replaying':
      throw new StowageError('webhook-replaying', `a replay of the webhook ${id} is under way`);
    default:
  }
}

function noSuchWebhook(id: WebhookId): StowageError {
  return new StowageError('webhook-not-found', `there is no webhook ${id}`);
}

function noSuchDelivery(id: DeliveryId): StowageError {
  return new StowageError('delivery-not-found', `there is no delivery ${id}`);
}
