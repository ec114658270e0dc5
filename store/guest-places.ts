import { z } from 'zod';
import type { Logger } from 'pino';
import type { ContainerId } from '../core/ids.ts';
import type { GuestPlace, GuestPlaces, GuestRegister } from '../core/ports/guest-places.ts';
import type { RedisAddress } from '../platform/redis-url.ts';
import { keyPrefix } from './keys.ts';
import { connectRedis, raise, type RedisClient } from './redis.ts';

/** A gateway that died leaves them behind for so long. */
const LINKED_MS = 30_000;
const OVER_MS = 300_000;
const GATEWAY_MS = 15_000;

/**
 * KEYS: the place of a guest. ARGV: the link, the place as JSON, how long it is kept (ms).
 * Returns: `kept`, or `other` when another link has claimed it. Events: none.
 */
const KEEP = `
local held = redis.call('HGET', KEYS[1], 'link')
if held and held ~= ARGV[1] then return 'other' end
redis.call('HSET', KEYS[1], 'link', ARGV[1], 'place', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'kept'`;

const place = z.object({
  url: z.string(),
  link: z.string(),
  boot: z.string(),
  isOver: z.boolean(),
  state: z
    .object({
      state: z.enum(['booting', 'running', 'exited', 'failed']),
      pid: z.number().exactOptional(),
      exitCode: z.number().exactOptional(),
      oomKilled: z.boolean().exactOptional(),
      message: z.string().exactOptional(),
      startedAt: z.string().exactOptional(),
    })
    .exactOptional(),
});

/** `guest:<container>` is a hash of the link and the place; `gateways` a sorted set of faces by the time until which they are good. */
export function createGuestPlaces(
  client: RedisClient,
  prefix: string,
  nowMs: () => number,
): GuestPlaces & GuestRegister {
  const keyOf = (container: ContainerId): string => `${prefix}guest:${container}`;
  const lifeOf = ({ isOver }: GuestPlace): number => (isOver ? OVER_MS : LINKED_MS);
  return {
    async find(container) {
      const text = await client.hget(keyOf(container), 'place').catch(raise);
      return text === null ? undefined : place.parse(JSON.parse(text));
    },
    gateways: () => client.zrangebyscore(`${prefix}gateways`, nowMs(), '+inf').catch(raise),
    async claim(container, each) {
      const transaction = client.multi().del(keyOf(container));
      transaction.hset(keyOf(container), { link: each.link, place: JSON.stringify(each) });
      await transaction.pexpire(keyOf(container), lifeOf(each)).exec().catch(raise);
    },
    async keep(container, each) {
      const said = await client
        .eval(KEEP, 1, keyOf(container), each.link, JSON.stringify(each), lifeOf(each))
        .catch(raise);
      return said === 'kept' ? 'kept' : 'other';
    },
    async announce(url) {
      const now = nowMs();
      await client
        .multi()
        .zadd(`${prefix}gateways`, now + GATEWAY_MS, url)
        .zremrangebyscore(`${prefix}gateways`, '-inf', now - GATEWAY_MS)
        .exec()
        .catch(raise);
    },
    async withdraw(url) {
      await client.zrem(`${prefix}gateways`, url).catch(raise);
    },
  };
}

export interface GuestRegisterOptions {
  readonly address: RedisAddress;
  readonly prefix: string;
  readonly process: string;
  readonly logger: Logger;
  readonly nowMs: () => number;
}

/** All that a gateway needs of Redis. It waits for a Redis that is away. */
export function openGuestRegister({ address, prefix, process, logger, nowMs }: GuestRegisterOptions): GuestPlaces & GuestRegister & {
  ping(): Promise<void>;
  close(): void;
} {
  const client = connectRedis(address, { patience: 'worker', logger, name: `${process}-guests` });
  // Its own, so that a page of health does not wait.
  const asked = connectRedis(address, { patience: 'face', logger, name: `${process}-health` });
  return {
    ...createGuestPlaces(client, keyPrefix(prefix), nowMs),
    async ping() {
      await asked.ping().catch(raise);
    },
    close() {
      asked.disconnect();
      client.disconnect();
    },
  };
}
