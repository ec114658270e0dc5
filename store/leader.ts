import type { Logger } from 'pino';
import type { LeaderLease } from '../core/ports/leader.ts';
import { pause } from '../platform/pause.ts';
import type { RedisClient } from './redis.ts';

/** Extends the lease, or takes a free one; also says whether Redis still has the mark that it was set up. One round trip. */
const HOLD = `
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 'other' end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('SET', KEYS[2], ARGV[1], 'NX') then return 'emptied' end
return held and 'kept' or 'gained'`;
const RELEASE = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

export function createLeaderLease(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly holder: string;
  readonly leaseMs: number;
  readonly logger: Logger;
}): LeaderLease {
  const { client, prefix, holder, leaseMs, logger } = parts;
  const keys = [`${prefix}leader`, `${prefix}set-up`] as const;
  const hold = async (): Promise<string> => String(await client.eval(HOLD, 2, ...keys, holder, leaseMs));
  return {
    async run(lead, signal) {
      let term: { readonly end: AbortController; readonly done: Promise<void> } | undefined;
      let confirmedAt = performance.now();
      const endTerm = async (): Promise<void> => {
        term?.end.abort();
        await term?.done;
        term = undefined;
      };
      while (!signal.aborted) {
        const said = await Promise.race([hold().catch(() => 'away'), pause(leaseMs, signal).then(() => 'away')]);
        if (said === 'kept' || said === 'gained' || said === 'emptied') confirmedAt = performance.now();
        // A lease that could not be renewed for its whole length may be another's by now.
        if (said === 'other' || performance.now() - confirmedAt > leaseMs * 0.8) await endTerm();
        if (said === 'emptied') await endTerm();
        if (term === undefined && (said === 'kept' || said === 'gained' || said === 'emptied')) {
          const end = new AbortController();
          logger.info({ holder, emptied: said === 'emptied' }, 'leading');
          const done = lead({ signal: end.signal, emptied: said === 'emptied' }).catch((error: unknown) => {
            if (!end.signal.aborted) logger.error({ err: error }, 'leading failed');
          });
          term = { end, done };
        }
        await pause(leaseMs / 4, signal);
      }
      await endTerm();
      await client.eval(RELEASE, 1, keys[0], holder).catch(() => undefined);
    },
  };
}
