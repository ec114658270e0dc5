import type { QueueServerFacts } from '../../core/ports/queue-server.ts';
import type { StepContext } from '../define.ts';
import { type Check, examine, failed, ok, skipped, warning } from './checks.ts';

// Whether Redis is set up to keep jobs. A setting that the server does not tell is skipped, not guessed.

type Context = Pick<StepContext<unknown, unknown>, 'queueServer' | 'signal'>;

/** Streams with consumer groups, `GETEX`, `LPOS`: 6.2 is the first with all that BullMQ and the scripts use. */
const LEAST_VERSION = [6, 2] as const;
const SLOW_MS = 20;
const CLOCK_WARNING_MS = 5_000;
const FULL_SHARE = 0.9;

export async function examineRedis({ queueServer, signal }: Context): Promise<readonly Check[]> {
  return await examine('redis', signal, async () => judgeRedis(await queueServer.inspect()));
}

export function judgeRedis(facts: QueueServerFacts): readonly Check[] {
  return [version(facts), eviction(facts), persistence(facts), memory(facts), answers(facts), clock(facts)];
}

function version({ software, version: text, role }: QueueServerFacts): Check {
  const name = 'redis.version';
  const what = software === 'valkey' ? 'Valkey' : 'Redis';
  if (text === undefined) return skipped(name, 'the server does not tell its version');
  const [major = 0, minor = 0] = text.split('.').map(Number);
  const isOld = major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
  if (isOld) return failed(name, `${what} ${text} is older than 6.2`, 'Upgrade it.');
  if (role === 'slave')
    return failed(name, `${what} ${text} is a replica`, 'Point REDIS_URL to the primary, or to the sentinels.');
  return ok(name, `${what} ${text}`);
}

function eviction({ evictionPolicy, maxMemoryBytes = 0 }: QueueServerFacts): Check {
  const name = 'redis.eviction';
  if (evictionPolicy === undefined)
    return skipped(name, 'the server does not tell maxmemory-policy: it must be noeviction');
  if (evictionPolicy === 'noeviction') return ok(name, 'maxmemory-policy is noeviction');
  const advice = 'Set maxmemory-policy noeviction.';
  const message = `maxmemory-policy is ${evictionPolicy}: when memory is short, jobs are thrown away`;
  // Without a limit nothing is evicted now; with the next limit somebody sets it would be.
  return maxMemoryBytes === 0 ? warning(name, message, advice) : failed(name, message, advice);
}

function persistence({ appendOnly, appendFsync, isLastSaveGood }: QueueServerFacts): Check {
  const name = 'redis.persistence';
  if (isLastSaveGood === false) {
    return failed(name, 'the last write to disk failed', "See Redis' log, and the space on its disk.");
  }
  if (appendOnly === undefined) return skipped(name, 'the server does not tell whether it keeps an append-only file');
  if (!appendOnly) {
    return failed(name, 'appendonly is off: jobs that were accepted are lost when Redis dies', 'Set appendonly yes.');
  }
  if (appendFsync === 'no') {
    return warning(
      name,
      'appendfsync is no: a crash of its machine can lose half a minute',
      'Set appendfsync everysec, or always.',
    );
  }
  return ok(name, `an append-only file is kept${appendFsync === undefined ? '' : `, appendfsync ${appendFsync}`}`);
}

function memory({ usedMemoryBytes, maxMemoryBytes = 0 }: QueueServerFacts): Check {
  const name = 'redis.memory';
  if (usedMemoryBytes === undefined) return skipped(name, 'the server does not tell how much memory it uses');
  const used = `${Math.ceil(usedMemoryBytes / 1e6)} MB are used`;
  if (maxMemoryBytes === 0) return ok(name, `${used}; there is no limit`);
  const words = `${used} of ${Math.floor(maxMemoryBytes / 1e6)} MB`;
  if (usedMemoryBytes < maxMemoryBytes * FULL_SHARE) return ok(name, words);
  return warning(
    name,
    words,
    'Raise maxmemory, or keep less: STOWAGE_HISTORY_JOBS. When it is full, jobs are refused.',
  );
}

function answers({ roundTripMs }: QueueServerFacts): Check {
  const name = 'redis.latency';
  const words = `it answered a worker in ${roundTripMs} ms`;
  if (roundTripMs < SLOW_MS) return ok(name, words);
  return warning(
    name,
    words,
    'Each step of a job waits for it some times: bring it nearer, or see what keeps it busy.',
  );
}

function clock({ clockMs, askedAtMs, roundTripMs }: QueueServerFacts): Check {
  const name = 'redis.clock';
  const off = Math.max(0, Math.abs(clockMs - askedAtMs) - roundTripMs);
  if (off < CLOCK_WARNING_MS) return ok(name, 'Redis and this worker have the same time');
  const words = `the clocks of Redis and of this worker differ by ${(off / 1_000).toFixed(1)} s`;
  return warning(name, words, 'Have both take their time from the same NTP servers.');
}
