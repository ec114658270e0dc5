import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Role } from '../core/ports/jobs.ts';
import type { NewSession, Session, SessionStore } from '../core/ports/sessions.ts';
import { hashKey, parseKey } from './api-keys.ts';
import { iso } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';

const TOKEN_BYTES = 32;
const HOUR_MS = 3_600_000;
const IDLE_MS = 12 * HOUR_MS;
const LONGEST_MS = 7 * 24 * HOUR_MS;
/** Nobody tells us when a provider takes somebody's role away, so such a session is short. */
const LONGEST_OIDC_MS = 12 * HOUR_MS;
/** A session's last use is written at most this often. */
const USE_STEP_MS = 60_000;

/** As it is kept: nothing in it leads back to a token or a key, or would do for one. */
interface Kept {
  readonly actor: string;
  readonly role: Role;
  readonly origin:
    | { readonly type: 'key'; readonly keyHash: string }
    | { readonly type: 'preset'; readonly proof: string }
    | { readonly type: 'oidc'; readonly issuer: string; readonly subject: string };
  readonly createdMs: number;
  readonly usedMs: number;
}

export function createSessionStore(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly nowMs: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}): SessionStore {
  const { client, prefix, nowMs, randomBytes } = parts;
  const nameOf = (token: string): string =>
    `${prefix}session:${createHash('sha256').update(token).digest('base64url')}`;
  const touch = async (token: string, kept: Kept): Promise<void> => {
    const leftMs = endOf(kept) - kept.usedMs;
    // Only where it still is: it may have been ended since it was read.
    await client.set(nameOf(token), JSON.stringify(kept), 'PX', leftMs, 'XX').catch(raise);
  };
  /** The role it has now; undefined: it has none any more. */
  const roleOf = async ({ kept, token, presetKey }: Look): Promise<Role | undefined> => {
    if (kept.origin.type === 'oidc') return kept.role;
    if (kept.origin.type === 'preset')
      return presetKey !== undefined && isSame(kept.origin.proof, derive(token, `preset:${presetKey}`))
        ? kept.role
        : undefined;
    const text = await client.hget(`${prefix}keys`, kept.origin.keyHash).catch(raise);
    return text === null ? undefined : parseKey(text).role;
  };
  const read = async (token: string, presetKey: string | undefined): Promise<Kept | undefined> => {
    const text = await client.get(nameOf(token)).catch(raise);
    if (text === null) return undefined;
    const kept = JSON.parse(text) as Kept;
    const role = nowMs() < endOf(kept) ? await roleOf({ kept, token, presetKey }) : undefined;
    if (role !== undefined) return { ...kept, role };
    await client.del(nameOf(token)).catch(raise);
    return undefined;
  };
  return {
    async begin(wanted) {
      const token = Buffer.from(randomBytes(TOKEN_BYTES)).toString('base64url');
      const now = nowMs();
      const kept: Kept = {
        actor: wanted.actor,
        role: wanted.role,
        origin: keepOrigin(wanted, token),
        createdMs: now,
        usedMs: now,
      };
      await client.set(nameOf(token), JSON.stringify(kept), 'PX', endOf(kept) - now).catch(raise);
      return { token, session: render(kept, token) };
    },
    async find(token, presetKey) {
      const kept = await read(token, presetKey);
      if (kept === undefined || nowMs() - kept.usedMs <= USE_STEP_MS) return kept && render(kept, token);
      const used = { ...kept, usedMs: nowMs() };
      await touch(token, used);
      return render(used, token);
    },
    async look(token, presetKey) {
      const kept = await read(token, presetKey);
      return kept && render(kept, token);
    },
    async end(token) {
      await client.del(nameOf(token)).catch(raise);
    },
  };
}

interface Look {
  readonly kept: Kept;
  readonly token: string;
  readonly presetKey: string | undefined;
}

/** A preset key is chosen by people, so a plain hash of it could be searched back: the token, which is not kept, goes into this one. */
function keepOrigin({ origin }: NewSession, token: string): Kept['origin'] {
  switch (origin.type) {
    case 'key':
      return { type: 'key', keyHash: hashKey(origin.key) };
    case 'preset':
      return { type: 'preset', proof: derive(token, `preset:${origin.key}`) };
    case 'oidc':
      return origin;
  }
}

function endOf({ origin, createdMs, usedMs }: Kept): number {
  const longestMs = origin.type === 'oidc' ? LONGEST_OIDC_MS : LONGEST_MS;
  return Math.min(usedMs + IDLE_MS, createdMs + longestMs);
}

function render(kept: Kept, token: string): Session {
  return { actor: kept.actor, role: kept.role, csrf: derive(token, 'csrf'), expiresAt: iso(endOf(kept)) };
}

/** Only who has the token can make it, and it does not lead back to the token. */
function derive(token: string, purpose: string): string {
  return createHmac('sha256', token).update(purpose).digest('base64url');
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
