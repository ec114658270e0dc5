import { StowageError } from '../core/errors.ts';
import type { SignInAttempts } from '../core/ports/sessions.ts';
import { raise, type RedisClient } from './redis.ts';

const WINDOW_MS = 15 * 60_000;
const MOST_FAILED = 10;

/** One counter an address and window; Redis forgets it by itself. */
export function createSignInAttempts(client: RedisClient, prefix: string, nowMs: () => number): SignInAttempts {
  const counterOf = (address: string, window: number): string => `${prefix}sign-in:${address}:${window}`;
  return {
    async begin(address) {
      const now = nowMs();
      const window = Math.floor(now / WINDOW_MS);
      const counter = counterOf(address, window);
      const failed = await client.incr(counter).catch(raise);
      if (failed === 1) await client.pexpire(counter, WINDOW_MS).catch(raise);
      if (failed <= MOST_FAILED) return;
      const retryAfterMs = (window + 1) * WINDOW_MS - now;
      throw new StowageError('too-many-attempts', `too many sign-ins from ${address} failed`, { retryAfterMs });
    },
    async takeBack(address) {
      const counter = counterOf(address, Math.floor(nowMs() / WINDOW_MS));
      await client.decr(counter).catch(raise);
      await client.pexpire(counter, WINDOW_MS).catch(raise);
    },
  };
}
