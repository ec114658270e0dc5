import type { StowageEvent } from '../core/events.ts';
import type { SigningEndpoint } from '../core/ports/webhooks.ts';
import type { Delivery, DeliveryAttempt, DeliveryId, DeliveryState } from '../core/webhook-delivery.ts';
import type { DisabledReason, WebhookEndpoint, WebhookId, WebhookSecrets, WebhookSettings } from '../core/webhook.ts';
import { iso } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';

// The hashes that hooks.lua describes.

type Hash = Readonly<Record<string, string>>;

function decodeEndpoint(id: WebhookId, hash: Hash, pending: number): SigningEndpoint {
  const at = (name: string): string => iso(Number(hash[name] ?? '0'));
  const settings = JSON.parse(hash['settings'] ?? '{}') as WebhookSettings;
  const secrets = JSON.parse(hash['secrets'] ?? '{}') as WebhookSecrets;
  return {
    id,
    ...settings,
    rev: Number(hash['rev']),
    state: hash['state'] === 'disabled' ? 'disabled' : 'enabled',
    ...(hash['reason'] === undefined ? {} : { disabledReason: hash['reason'] as DisabledReason }),
    createdAt: at('created'),
    updatedAt: at('updated'),
    ...(hash['failing'] === undefined ? {} : { failingSince: at('failing') }),
    ...(hash['pause'] === undefined ? {} : { pausedUntil: at('pause') }),
    ...(secrets.previous === undefined ? {} : { previousSecretUntil: iso(secrets.previous.untilMs) }),
    pending,
    secrets,
    after: hash['after'] ?? '0-0',
  };
}

/** An endpoint as faces may have it. */
export function withoutSecrets({ secrets: _secrets, after: _after, ...endpoint }: SigningEndpoint): WebhookEndpoint {
  return endpoint;
}

function decodeDelivery(id: DeliveryId, hash: Hash): Delivery {
  const count = Number(hash['count'] ?? '0');
  return {
    id,
    webhook: (hash['hook'] ?? '') as WebhookId,
    event: JSON.parse(hash['event'] ?? '{}') as StowageEvent,
    state: hash['state'] as DeliveryState,
    createdAt: iso(Number(hash['created'])),
    ...(hash['ended'] === undefined ? {} : { endedAt: iso(Number(hash['ended'])) }),
    ...(hash['due'] === undefined ? {} : { nextAttemptAt: iso(Number(hash['due'])) }),
    attemptCount: count,
    failures: count - Number(hash['base'] ?? '0'),
    isTest: hash['test'] === '1',
    attempts: JSON.parse(hash['attempts'] ?? '[]') as readonly DeliveryAttempt[],
  };
}

/** Reads of endpoints and deliveries; what is not there is left out. */
export function createWebhookReads(client: RedisClient, prefix: string) {
  const endpoint = async (id: WebhookId): Promise<SigningEndpoint | undefined> => {
    const [hash, pending] = await Promise.all([
      client.hgetall(`${prefix}hook:${id}`),
      client.zcard(`${prefix}hook-pending:${id}`),
    ]).catch(raise);
    return hash['rev'] === undefined ? undefined : decodeEndpoint(id, hash, pending);
  };
  const delivery = async (id: DeliveryId): Promise<Delivery | undefined> => {
    const hash = await client.hgetall(`${prefix}delivery:${id}`).catch(raise);
    return hash['state'] === undefined ? undefined : decodeDelivery(id, hash);
  };
  return {
    endpoint,
    delivery,
    /** Oldest first. */
    async endpoints(): Promise<readonly SigningEndpoint[]> {
      const ids = (await client.smembers(`${prefix}hooks`).catch(raise)) as WebhookId[];
      return isThere(await Promise.all(ids.toSorted().map(endpoint)));
    },
    async deliveries(ids: readonly DeliveryId[]): Promise<readonly Delivery[]> {
      return isThere(await Promise.all(ids.map(delivery)));
    },
  };
}

function isThere<T>(items: readonly (T | undefined)[]): readonly T[] {
  return items.filter((item) => item !== undefined);
}
