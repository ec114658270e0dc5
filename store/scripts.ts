import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { asRedisError, type Patience, type RedisClient } from './redis.ts';

/** What is put before each, after lib.lua: no more than it needs, since Redis runs all of it for each call. */
const PARTS = {
  submit: ['lines', 'dead'],
  acquire: [],
  commit: ['lines', 'dead', 'finish', 'records'],
  cancel: ['lines', 'dead', 'finish'],
  redrive: ['lines', 'dead'],
  regroup: ['dead'],
  observe: ['records'],
  fields: [],
  sweep: ['lines'],
  trim: [],
  'hook-put': ['hooks'],
  'hook-remove': ['hooks'],
  'hook-fan': ['hooks'],
  'hook-due': [],
  'hook-settle': ['hooks'],
  'hook-again': ['hooks'],
  'hook-purge': ['hooks'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ScriptName = keyof typeof PARTS;

export interface Scripts {
  /** Runs a script with `key` (which routes the call) as KEYS[1] and the prefix as ARGV[1]. @throws `redis-unavailable` */
  run(name: ScriptName, key: string, args: Args): Promise<unknown>;
}

const RESEND_MS = 50;
/** Redis does nothing else while it runs one script: about a millisecond. */
const CALLS_AT_ONCE = 32;

type Args = readonly (string | number)[];

interface Call {
  readonly key: string;
  readonly args: Args;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Script {
  readonly source: string;
  readonly sha: string;
  /** Called in this turn of the event loop, not yet sent. */
  waiting: Call[];
}

/**
 * Reads the scripts; each is `lib.lua`, its parts and its own file, and is sent by its SHA once Redis has it. What is called within one
 * turn of the event loop is sent as one. Every script bears being sent twice, so a worker's call whose answer was lost with the connection
 * is sent again until Redis is back.
 */
export function loadScripts(client: RedisClient, prefix: string, patience: Patience): Scripts {
  const scripts = readScripts();
  const send = async (script: Script, calls: readonly Call[]): Promise<void> => {
    const key = calls[0]?.key ?? prefix;
    const args: (string | number)[] = [key, prefix];
    for (const call of calls) args.push(call.args.length, ...call.args);
    try {
      const replies = await evaluate(client, script, args);
      for (const [at, call] of calls.entries()) {
        const reply = replies[at];
        if (reply instanceof Error) call.reject(reply);
        else call.resolve(reply);
      }
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  };
  const flush = (script: Script): void => {
    const calls = script.waiting;
    script.waiting = [];
    for (let at = 0; at < calls.length; at += CALLS_AT_ONCE) void send(script, calls.slice(at, at + CALLS_AT_ONCE));
  };
  const call = (script: Script, key: string, args: Args): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (script.waiting.length === 0) setImmediate(flush, script);
      script.waiting.push({ key, args, resolve, reject });
    });
  return {
    async run(name, key, args) {
      for (;;) {
        try {
          return await call(scripts[name], key, args);
        } catch (error) {
          if (patience === 'face' || !isConnectionLoss(error) || client.status === 'end') throw asRedisError(error);
          await sleep(RESEND_MS);
        }
      }
    },
  };
}

function readScripts(): Readonly<Record<ScriptName, Script>> {
  const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  const entries = Object.entries(PARTS).map(([name, parts]): [string, Script] => {
    const one = `local function one(ARGV)\n${read(name)}\nend`;
    const source = [...['lib', ...parts].map(read), one, read('each')].join('\n');
    return [name, { source, sha: createHash('sha1').update(source).digest('hex'), waiting: [] }];
  });
  return Object.fromEntries(entries) as Record<ScriptName, Script>;
}

async function evaluate(client: RedisClient, script: Script, args: Args): Promise<readonly unknown[]> {
  try {
    return (await client.evalsha(script.sha, 1, ...args)) as readonly unknown[];
  } catch (error) {
    // Redis was restarted or emptied of scripts.
    if (isReply(error) && error.message.startsWith('NOSCRIPT'))
      return (await client.eval(script.source, 1, ...args)) as readonly unknown[];
    throw error;
  }
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
