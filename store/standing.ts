import type { ResourceKey } from '../core/ids.ts';
import type { QueueFigures } from '../core/ports/jobs.ts';
import { CANARY } from './entries.ts';
import type { RedisClient } from './redis.ts';

// What does not move: the figures that somebody is woken by. Each look reads a bounded number of keys, however long the queue is.

type Standing = Pick<
  QueueFigures,
  'oldestReadyAgeMs' | 'oldestWaitingAgeMs' | 'stalledLines' | 'recoveries' | 'hasLeader'
>;
interface View {
  readonly ask: (commands: readonly Command[]) => Promise<readonly Reply[]>;
  readonly prefix: string;
  readonly nowMs: number;
}
type Command = readonly [name: string, ...rest: string[]];
type Reply = string | number | null | readonly (string | null)[];

/** Ids sort by time, so the oldest open jobs come first; a head that has held a line for long is among them. */
const LOOKED_AT = 100;
/** A line is told of when its head began so long ago, and others wait behind it. */
const HELD_MS = 60_000;
/** The longest held; more than these tell nothing more. */
const LINES_TOLD = 20;
/** Canaries are put where the oldest entry is; there are only ever a few. */
const TAIL = 4;

export function createStanding(parts: {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly lanes: readonly string[];
}): (nowMs: number) => Promise<Standing> {
  const { client, prefix, lanes } = parts;
  const ask: View['ask'] = async (commands) => {
    if (commands.length === 0) return [];
    const pipeline = client.pipeline();
    for (const [name, ...rest] of commands) pipeline.call(name, ...rest);
    return ((await pipeline.exec()) ?? []).map(([error, reply]) => {
      if (error !== null) throw error;
      return reply as Reply;
    });
  };

  return async (nowMs) => {
    const view = { ask, prefix, nowMs };
    const ofState = (state: string): string => `${prefix}jobs:state:${state}`;
    const ofKind = `${prefix}jobs:kind:host.recover`;
    const [leader, running, waiting, recovering, resting, ...tails] = await ask([
      ['EXISTS', `${prefix}leader`],
      ['ZRANGE', ofState('running'), '0', String(LOOKED_AT - 1)],
      ['ZRANGE', ofState('waiting'), '0', String(LOOKED_AT - 1)],
      ['ZINTER', '2', ofKind, ofState('running')],
      ['ZINTER', '2', ofKind, ofState('waiting')],
      ...lanes.map((lane): Command => ['LRANGE', `${prefix}bull:${lane}:wait`, String(-TAIL), '-1']),
    ]);
    const recoveries = [...textsOf(recovering), ...textsOf(resting)];
    const [oldestReadyAgeMs, oldestWaitingAgeMs, oldestAgeMs, stalledLines] = await Promise.all([
      readyAge(
        view,
        tails.flatMap((tail, at) => oldestEntry(textsOf(tail), lanes[at] ?? '')),
      ),
      ageOf(view, textsOf(waiting).slice(0, 1)),
      ageOf(view, recoveries),
      stalledOf(view, [...textsOf(running), ...textsOf(waiting)]),
    ]);
    return {
      hasLeader: leader === 1,
      oldestReadyAgeMs,
      oldestWaitingAgeMs,
      recoveries: { count: recoveries.length, oldestAgeMs },
      stalledLines,
    };
  };
}

/** Since the first of these was submitted. */
async function ageOf({ ask, prefix, nowMs }: View, ids: readonly string[]): Promise<number> {
  const created = await ask(ids.map((id): Command => ['HGET', `${prefix}job:${id}`, 'created']));
  return oldest(nowMs, created);
}

/** An entry keeps the time at which it was made when it is put off: the job says until when that was. */
async function readyAge({ ask, prefix, nowMs }: View, entries: readonly WaitingEntry[]): Promise<number> {
  const made = await ask(entries.map(({ key }): Command => ['HGET', `${prefix}${key}`, 'timestamp']));
  const putOff = await ask(entries.map(({ id }): Command => ['HGET', `${prefix}job:${id}`, 'retryAt']));
  // One that has no time was taken meanwhile.
  const since = made.map((time, at) => (time === null ? null : String(Math.max(Number(time), Number(putOff[at])))));
  return oldest(nowMs, since);
}

function oldest(nowMs: number, times: readonly Reply[]): number {
  const known = times.filter((time) => typeof time === 'string').map(Number);
  return known.length === 0 ? 0 : Math.max(0, nowMs - Math.min(...known));
}

async function stalledOf({ ask, prefix, nowMs }: View, ids: readonly string[]): Promise<Standing['stalledLines']> {
  const facts = await ask(ids.map((id): Command => ['HMGET', `${prefix}job:${id}`, 'started', 'kind', 'resources']));
  const held = ids.flatMap((id, at) => {
    const [started = '', kind = '', resources = ''] = textsOf(facts[at]);
    const heldMs = nowMs - Number(started);
    if (started === '' || resources === '' || heldMs < HELD_MS) return [];
    return (JSON.parse(resources) as readonly ResourceKey[]).map((resource) => ({ id, kind, resource, heldMs }));
  });
  const heads = await ask(held.map(({ resource }): Command => ['ZRANGE', `${prefix}line:${resource}`, '0', '0']));
  const lengths = await ask(held.map(({ resource }): Command => ['ZCARD', `${prefix}line:${resource}`]));
  return held
    .flatMap(({ id, ...line }, at) => {
      const behind = Number(lengths[at]) - 1;
      return textsOf(heads[at])[0] === id && behind > 0 ? [{ ...line, behind }] : [];
    })
    .toSorted((a, b) => b.heldMs - a.heldMs)
    .slice(0, LINES_TOLD);
}

interface WaitingEntry {
  readonly id: string;
  readonly key: string;
}

/** Entries are taken from the end of the list. */
function oldestEntry(tail: readonly string[], lane: string): readonly WaitingEntry[] {
  const name = tail.findLast((each) => !each.startsWith(`${CANARY}-`));
  return name === undefined ? [] : [{ id: name.slice(0, name.lastIndexOf('.')), key: `bull:${lane}:${name}` }];
}

function textsOf(reply: Reply | undefined): readonly string[] {
  return Array.isArray(reply) ? reply.map((each: string | null) => each ?? '') : [];
}
