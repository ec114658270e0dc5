import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { KeyStore } from '../core/ports/jobs.ts';
import { type Config, type DockerTlsConfig, readConfig } from '../platform/config.ts';
import { ConfigError, type ConfigFault, type ReadText } from '../platform/environment.ts';
import { formatListen, isLoopback } from '../platform/listen.ts';
import type { RedisAddress } from '../platform/redis-url.ts';
import type { VolumeStoreSetting } from '../platform/volume-stores.ts';
import type { DockerTls } from './docker/parts.ts';

/** What the api cannot run without: Redis, and which stores a volume may name. It never talks to vCenter. */
export interface ApiConfig extends Config {
  readonly redis: RedisAddress;
  readonly volumeStores: readonly VolumeStoreSetting[];
}

/** @throws {ConfigError} with every fault */
export function readApiConfig(env: Readonly<Record<string, string | undefined>>, readText?: ReadText): ApiConfig {
  const { redis, volumeStores, ...rest } = readConfig(env, readText);
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

/** Why the Docker Engine API may not be opened there: without TLS it asks nobody who they are. undefined: it may. */
export function explainOpenDocker({
  dockerListen,
  dockerTls,
}: Pick<Config, 'dockerListen' | 'dockerTls'>): string | undefined {
  if (dockerTls !== undefined || isLoopback(dockerListen)) return undefined;
  return (
    `STOWAGE_DOCKER_LISTEN is ${formatListen(dockerListen)}, which other machines can reach, and there is no TLS: set ` +
    'STOWAGE_DOCKER_CERT_FILE, STOWAGE_DOCKER_KEY_FILE and STOWAGE_DOCKER_CA_FILE, or listen on 127.0.0.1.'
  );
}

/** @throws {ConfigError} when a file cannot be read, or certificate and key do not belong together */
export function readDockerTls({ certFile, keyFile, caFile }: DockerTlsConfig): DockerTls {
  const tls = {
    cert: readPem('STOWAGE_DOCKER_CERT_FILE', certFile),
    key: readPem('STOWAGE_DOCKER_KEY_FILE', keyFile),
    ca: readPem('STOWAGE_DOCKER_CA_FILE', caFile),
  };
  try {
    createSecureContext(tls);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      { name: 'STOWAGE_DOCKER_CERT_FILE', problem: `, its key and its CA are of no use together: ${reason}` },
    ]);
  }
  return tls;
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new ConfigError([{ name, problem: `names a file that cannot be read: ${file} (${reason})` }]);
  }
}
