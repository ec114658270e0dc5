import type { KeyStore } from '../core/ports/jobs.ts';
import { type Config, ConfigError, type ConfigFault, readConfig } from '../platform/config.ts';
import { formatListen, isLoopback } from '../platform/listen.ts';
import type { RedisAddress } from '../platform/redis-url.ts';
import type { VolumeStoreSetting } from '../platform/volume-stores.ts';

/** What the api cannot run without: Redis, and which stores a volume may name. It never talks to vCenter. */
export interface ApiConfig extends Config {
  readonly redis: RedisAddress;
  readonly volumeStores: readonly VolumeStoreSetting[];
}

/** @throws {ConfigError} with every fault */
export function readApiConfig(env: Readonly<Record<string, string | undefined>>): ApiConfig {
  const { redis, volumeStores, ...rest } = readConfig(env);
  if (redis !== undefined && volumeStores !== undefined) return { ...rest, redis, volumeStores };
  const faults: ConfigFault[] = [];
  if (redis === undefined) faults.push({ name: 'REDIS_URL', problem: 'is not set' });
  if (volumeStores === undefined) faults.push({ name: 'STOWAGE_VOLUME_STORES', problem: 'is not set' });
  throw new ConfigError(faults);
}

/**
 * Why the address may not be opened to other machines: no key exists, so the first to come could only be an intruder. undefined: it may.
 * @throws StowageError `redis-unavailable` when that cannot be known
 */
export async function explainOpenBind(
  { restListen, apiKey }: Pick<Config, 'restListen' | 'apiKey'>,
  keys: Pick<KeyStore, 'list'>,
): Promise<string | undefined> {
  if (isLoopback(restListen) || apiKey !== undefined) return undefined;
  if ((await keys.list()).length > 0) return undefined;
  return (
    `STOWAGE_REST_LISTEN is ${formatListen(restListen)}, which other machines can reach, and there is no API key: set ` +
    'STOWAGE_API_KEY (or STOWAGE_API_KEY_FILE), or listen on 127.0.0.1 and make a key with POST /v1/keys first.'
  );
}
