import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asRedisError, type Patience, type RedisClient } from './redis.ts';

const NAMES = ['submit', 'acquire', 'commit', 'cancel', 'redrive', 'observe', 'sweep', 'trim'] as const;
export type ScriptName = (typeof NAMES)[number];

export interface Scripts {
  /** Runs a script with `key` (which routes the call) as KEYS[1] and the prefix as ARGV[1]. @throws `redis-unavailable` */
  run(name: ScriptName, key: string, args: readonly (string | number)[]): Promise<unknown>;
}

const RESEND_MS = 50;

/**
 * Reads the scripts; each is `lib.lua` followed by its own file, and is sent by its SHA once Redis has it. Every script bears being sent
 * twice, so a worker's call whose answer was lost with the connection is sent again until Redis is back.
 */
export function loadScripts(client: RedisClient, prefix: string, patience: Patience): Scripts {
  const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  const lib = read('lib');
  const sources = new Map(
    NAMES.map((name) => {
      const source = `${lib}\n${read(name)}`;
      return [name, { source, sha: createHash('sha1').update(source).digest('hex') }] as const;
    }),
  );
  const send = async (
    script: { source: string; sha: string },
    key: string,
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    try {
      return await client.evalsha(script.sha, 1, key, prefix, ...args);
    } catch (error) {
      // Redis was restarted or emptied of scripts.
      if (isReply(error) && error.message.startsWith('NOSCRIPT'))
        return client.eval(script.source, 1, key, prefix, ...args);
      throw error;
    }
  };
  return {
    async run(name, key, args) {
      const script = sources.get(name);
      if (script === undefined) throw new TypeError(`no script ${name}`);
      for (;;) {
        try {
          return await send(script, key, args);
        } catch (error) {
          if (patience === 'face' || !isConnectionLoss(error) || client.status === 'end') throw asRedisError(error);
          await sleep(RESEND_MS);
        }
      }
    },
  };
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** LOADING: Redis is back and still reads its append-only file. */
function isConnectionLoss(error: unknown): boolean {
  return !isReply(error) || error.message.startsWith('LOADING');
}

/** A script's reply as text; Lua arrays of bulk strings are all that ours return. */
export function replyOf(raw: unknown): readonly string[] {
  if (Array.isArray(raw)) return raw.map(String);
  return [String(raw)];
}
