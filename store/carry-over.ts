import type { Logger } from 'pino';
import type { RedisAddress } from '../platform/redis-url.ts';
import { keyPrefix } from './keys.ts';
import { openStore, type Store } from './open.ts';
import { connectRedis, raise } from './redis.ts';

export interface CarryOver {
  readonly from: RedisAddress;
  readonly to: RedisAddress;
  /** The name before all keys, of both. */
  readonly prefix: string;
  readonly logger: Logger;
  readonly nowMs: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/**
 * Takes what nothing else can make again, API keys and webhooks with their secrets, from an old copy of Redis into the one in use. Jobs, records
 * and claims stay where they are: those of an old copy are of the past, and what they would do now nobody has asked for. Safe to repeat; what
 * the other has already is left as it is.
 */
export async function carryOver(parts: CarryOver): Promise<{ readonly keys: number; readonly webhooks: number }> {
  const [from, to] = [openAt(parts, parts.from), openAt(parts, parts.to)];
  try {
    return { keys: await carryKeys(parts), webhooks: await carryWebhooks(from, to) };
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

function openAt({ prefix, logger, nowMs, randomBytes }: CarryOver, address: RedisAddress): Store {
  const lanes = ['default'];
  const rest = { patience: 'face', process: 'carry-over', historyJobs: 1, logger, nowMs, randomBytes } as const;
  return openStore({ address, prefix, lanes, ...rest });
}

/** Only the hashes of keys are known: they are copied as they are. */
async function carryKeys({ from, to, prefix, logger }: CarryOver): Promise<number> {
  const open = (address: RedisAddress) => connectRedis(address, { patience: 'face', logger, name: 'carry-over' });
  const [source, target] = [open(from), open(to)];
  try {
    const all = await source.hgetall(`${keyPrefix(prefix)}keys`).catch(raise);
    let carried = 0;
    for (const [hash, entry] of Object.entries(all))
      carried += await target.hsetnx(`${keyPrefix(prefix)}keys`, hash, entry).catch(raise);
    return carried;
  } finally {
    source.disconnect();
    target.disconnect();
  }
}

async function carryWebhooks(from: Store, to: Store): Promise<number> {
  let carried = 0;
  for (const { id, state, ...endpoint } of await from.webhooks.list()) {
    const secrets = await from.webhooks.secrets(id);
    if (secrets === undefined || (await to.webhooks.read(id)) !== undefined) continue;
    const { url, eventTypes, description, format } = endpoint;
    await to.webhooks.create(id, { url, eventTypes, description, format }, secrets);
    if (state === 'disabled') await to.webhooks.change(id, { state });
    carried += 1;
  }
  return carried;
}
