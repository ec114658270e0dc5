import type { QueueServer, QueueServerFacts } from '../core/ports/queue-server.ts';
import { raise, type RedisClient } from './redis.ts';

/** INFO tells most; CONFIG, which hosted servers forbid, tells the rest. */
export function createQueueServer(client: RedisClient, nowMs: () => number): QueueServer {
  return {
    async inspect() {
      const begun = nowMs();
      const [seconds, micros] = (await client.time().catch(raise)).map(Number);
      const roundTripMs = nowMs() - begun;
      const info = parseInfo(await client.info('everything').catch(raise));
      const [policy, fsync] = await Promise.all([
        settingOf(client, 'maxmemory-policy'),
        settingOf(client, 'appendfsync'),
      ]);
      return {
        ...factsOf(info),
        ...(policy === undefined ? {} : { evictionPolicy: policy }),
        ...(fsync === undefined ? {} : { appendFsync: fsync }),
        clockMs: (seconds ?? 0) * 1_000 + (micros ?? 0) / 1_000,
        askedAtMs: begun + roundTripMs / 2,
        roundTripMs,
      };
    },
  };
}

/** Lines of `name:value`, below headings. */
function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => !line.startsWith('#') && line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const));
}

function factsOf(info: ReadonlyMap<string, string>): Omit<QueueServerFacts, 'clockMs' | 'askedAtMs' | 'roundTripMs'> {
  const isValkey = info.get('server_name') === 'valkey' || info.has('valkey_version');
  const version = info.get('valkey_version') ?? info.get('redis_version');
  const policy = info.get('maxmemory_policy');
  const aof = info.get('aof_enabled');
  const [used, most] = [numberOf(info.get('used_memory')), numberOf(info.get('maxmemory'))];
  const role = info.get('role');
  const saves = [info.get('aof_last_write_status'), info.get('rdb_last_bgsave_status')];
  return {
    software: isValkey ? 'valkey' : info.has('redis_version') ? 'redis' : 'other',
    ...(version === undefined ? {} : { version }),
    ...(policy === undefined ? {} : { evictionPolicy: policy }),
    ...(used === undefined ? {} : { usedMemoryBytes: used }),
    ...(most === undefined ? {} : { maxMemoryBytes: most }),
    ...(aof === undefined ? {} : { appendOnly: aof === '1' }),
    ...(saves.every((each) => each === undefined) ? {} : { isLastSaveGood: !saves.includes('err') }),
    ...(role === undefined ? {} : { role }),
  };
}

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || Number.isNaN(value) ? undefined : value;
}

/** undefined: the server does not tell. */
async function settingOf(client: RedisClient, name: string): Promise<string | undefined> {
  try {
    const answer: unknown = await client.config('GET', name);
    if (Array.isArray(answer)) return answer[1] === undefined ? undefined : String(answer[1]);
    const value = (answer as Readonly<Record<string, unknown>> | null)?.[name];
    return typeof value === 'string' ? value : undefined;
  } catch {
    // Forbidden, renamed or unknown there; a server that is away has been told by INFO.
    return undefined;
  }
}
