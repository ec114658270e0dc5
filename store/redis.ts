import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { StowageError } from '../core/errors.ts';
import type { RedisAddress } from '../platform/redis-url.ts';

/** One server, the primary behind sentinels, or a cluster: they take the same commands. */
export type RedisClient = Redis;

/**
 * face: a caller waits, so an answer that does not come is an error soon. worker: a write waits until Redis is back (its fence
 * decides then whether it still counts).
 */
export type Patience = 'face' | 'worker';

const RECONNECT_CAP_MS = 500;
const FACE_TIMEOUT_MS = 3_000;

/** Constructing never fails because Redis is away; the client goes on trying, at least twice a second. */
export function connectRedis(
  address: RedisAddress,
  options: {
    readonly patience: Patience;
    readonly logger: Logger;
    readonly name: string;
    /** Sends what is called within one turn of the event loop as one write, but for scripts (scripts.ts). Not for a connection that blocks. */
    readonly pipelines?: boolean;
  },
): RedisClient {
  const client = construct(address, {
    retryStrategy: (times) => Math.min(50 * times, RECONNECT_CAP_MS),
    maxRetriesPerRequest: null,
    connectionName: `stowage-${options.name}`,
    ...(options.patience === 'face' ? { commandTimeout: FACE_TIMEOUT_MS } : {}),
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password.reveal() }),
    ...(address.tls ? { tls: {} } : {}),
    ...(options.pipelines === true
      ? { enableAutoPipelining: true, autoPipeliningIgnoredCommands: ['evalsha', 'eval'] }
      : {}),
  });
  let isDown = false;
  client.on('error', (error: Error) => {
    if (!isDown) options.logger.warn({ reason: error.message, connection: options.name }, 'redis does not answer');
    isDown = true;
  });
  client.on('ready', () => {
    if (isDown) options.logger.info({ connection: options.name }, 'redis answers again');
    isDown = false;
  });
  return client;
}

function construct(address: RedisAddress, options: Omit<RedisOptions, 'replyMapping'>): RedisClient {
  const { target, database } = address;
  switch (target.mode) {
    case 'single':
      return new Redis({ ...options, host: target.node.host, port: target.node.port, db: database });
    case 'socket':
      return new Redis({ ...options, path: target.path, db: database });
    case 'sentinel':
      return new Redis({ ...options, sentinels: [...target.sentinels], name: target.primary, db: database });
    case 'cluster': {
      const clusterRetryStrategy = (times: number): number => Math.min(50 * times, RECONNECT_CAP_MS);
      const cluster: unknown = new Cluster([...target.nodes], {
        redisOptions: options,
        clusterRetryStrategy,
      });
      return cluster as RedisClient;
    }
  }
}

/** Anything that a client throws, as an error of the catalogue. Redis' own replies name scripts and keys, never secrets. */
export function asRedisError(thrown: unknown): StowageError {
  if (thrown instanceof StowageError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new StowageError('redis-unavailable', `redis: ${message}`, { cause: thrown, retryAfterMs: 1_000 });
}

export function raise(error: unknown): never {
  throw asRedisError(error);
}
