import { createHash } from 'node:crypto';
import { StowageError } from '../core/errors.ts';
import type { ApiKey, KeyStore } from '../core/ports/jobs.ts';
import { iso } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';

const KEY_BYTES = 24;
/** A key's last use is written at most this often. */
const USE_STEP_MS = 60_000;

/** A key is 192 bits of chance, so its plain SHA-256 cannot be searched back; the key itself is never stored. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

export function parseKey(text: string): ApiKey {
  return JSON.parse(text) as ApiKey;
}

export function createKeyStore(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly nowMs: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}): KeyStore {
  const { client, prefix, nowMs, randomBytes } = parts;
  const byHash = `${prefix}keys`;
  return {
    async create(name, role, actor) {
      const key = `stw_${Buffer.from(randomBytes(KEY_BYTES)).toString('base64url')}`;
      const hash = hashKey(key);
      const entry: ApiKey = { id: hash.slice(0, 12), name, role, createdAt: iso(nowMs()), createdBy: actor };
      await client.hset(byHash, hash, JSON.stringify(entry)).catch(raise);
      return { key, entry };
    },
    async verify(key) {
      const hash = hashKey(key);
      const text = await client.hget(byHash, hash).catch(raise);
      if (text === null) return undefined;
      const entry = parseKey(text);
      const now = nowMs();
      if (entry.lastUsedAt === undefined || now - Date.parse(entry.lastUsedAt) > USE_STEP_MS) {
        await client.hset(byHash, hash, JSON.stringify({ ...entry, lastUsedAt: iso(now) })).catch(raise);
      }
      return entry;
    },
    async list() {
      const all = await client.hvals(byHash).catch(raise);
      return all.map(parseKey).toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
    },
    async revoke(id) {
      const all = await client.hgetall(byHash).catch(raise);
      const hash = Object.entries(all).find(([, text]) => parseKey(text).id === id)?.[0];
      if (hash === undefined) throw new StowageError('key-not-found', `there is no key ${id}`);
      await client.hdel(byHash, hash).catch(raise);
    },
  };
}
