import { StowageError } from '../core/errors.ts';
import type { Health } from '../core/ports/jobs.ts';
import { CANARY, type Entries } from './entries.ts';
import { asRedisError, raise, type RedisClient } from './redis.ts';

export interface CanaryReport {
  readonly worker: string;
  readonly vcenter: 'ok' | 'unreachable';
  readonly vcenterFault?: string;
}

const ANSWER_TTL_S = 30;
const POLL_MS = 25;

/** The worker's side: says who ran it, and whether vCenter answers that worker. */
export async function answerCanary(
  client: RedisClient,
  prefix: string,
  entryId: string,
  report: (() => Promise<CanaryReport>) | undefined,
): Promise<void> {
  const said: CanaryReport = (await report?.()) ?? { worker: 'unknown', vcenter: 'unreachable' };
  await client.set(`${prefix}${entryId}`, JSON.stringify(said), 'EX', ANSWER_TTL_S);
}

export function createHealth(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly entries: Entries;
  readonly lane: string;
  readonly randomBytes: (size: number) => Uint8Array;
}): Health {
  const { client, prefix, entries, lane, randomBytes } = parts;
  const newNonce = (): string => Buffer.from(randomBytes(9)).toString('hex');
  return {
    async redis() {
      const begun = performance.now();
      const key = `${prefix}probe:${newNonce()}`;
      await client.set(key, '1', 'PX', 5_000).catch(raise);
      if ((await client.get(key).catch(raise)) !== '1')
        throw asRedisError(new Error('what was written cannot be read back'));
      await client.del(key).catch(raise);
      return Math.round(performance.now() - begun);
    },
    async canary(timeoutMs) {
      const begun = performance.now();
      const nonce = newNonce();
      await entries.addCanary(lane, nonce).catch(raise);
      const key = `${prefix}${CANARY}-${nonce}`;
      while (performance.now() - begun < timeoutMs) {
        const text = await client.get(key).catch(raise);
        if (text !== null)
          return { ...(JSON.parse(text) as CanaryReport), elapsedMs: Math.round(performance.now() - begun) };
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      throw new StowageError(
        'internal-error',
        `no worker took a canary entry within ${timeoutMs} ms: does a worker run?`,
      );
    },
  };
}
