import type { JobId } from '../core/ids.ts';
import type { DeadFilter, DeadLetter, DeadLetters, DeadSelection } from '../core/ports/dead-letters.ts';
import { decodeGroup, decodeMember, type GroupName, regroup } from './dead-groups.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

// Dead letters by filter or by name, in the order of their deaths. Nothing here reads the jobs themselves.

const AT_ONCE = 1_000;

interface Parts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
}

/** A dead letter as it stands in the list. */
interface Dead {
  readonly id: JobId;
  readonly diedMs: number;
}

export function createSelect(parts: Parts): DeadLetters['select'] {
  return async (selection, { cursor, limit }) => {
    const items: DeadLetter[] = [];
    for await (const some of lettersOf(parts, selection, cursor)) {
      items.push(...some);
      const last = items[limit - 1];
      if (items.length > limit && last !== undefined) return { items: items.slice(0, limit), next: last.place };
    }
    return { items };
  };
}

export function createCount(parts: Parts): DeadLetters['count'] {
  return async (selection) => {
    const { filter } = selection;
    const isOfGroups = filter !== undefined && filter.resource === undefined && filter.actor === undefined;
    const counts = isOfGroups ? await countGroups(parts, selection, filter) : await countEach(parts, selection);
    const byKind = [...counts]
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => ({ kind, count }))
      .toSorted((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
    return { matched: byKind.reduce((sum, { count }) => sum + count, 0), byKind };
  };
}

type Counts = ReadonlyMap<string, number>;

async function countEach(parts: Parts, selection: DeadSelection): Promise<Counts> {
  const counts = new Map<string, number>();
  for await (const some of lettersOf(parts, selection, undefined))
    for (const { kind } of some) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

async function countGroups(parts: Parts, selection: DeadSelection, filter: DeadFilter): Promise<Counts> {
  const { client, prefix } = parts;
  await regroup(parts);
  const names = await client.zrange(`${prefix}dead-groups`, '0', '-1').catch(raise);
  const groups = names.map((name) => ({ name, ...decodeGroup(name) })).filter((group) => fitsGroup(group, filter));
  if (groups.length === 0) return new Map();
  const { from, to } = timesOf(selection);
  const reads = client.pipeline();
  for (const { name } of groups) reads.zcount(`${prefix}dead-in:${name}`, from, to);
  const replies = (await reads.exec().catch(raise)) ?? [];
  const counts = new Map<string, number>();
  for (const [at, { kind }] of groups.entries()) counts.set(kind, (counts.get(kind) ?? 0) + Number(replies[at]?.[1]));
  return counts;
}

function fitsGroup({ fingerprint, code, kind }: GroupName, filter: DeadFilter): boolean {
  return (
    (filter.kind === undefined ? !kind.startsWith('dead.') : filter.kind === kind) &&
    (filter.code === undefined || filter.code === code) &&
    (filter.fingerprints === undefined || filter.fingerprints.includes(fingerprint))
  );
}

/** Of deaths, both ends included. */
function timesOf({ filter = {}, cutoffAt }: DeadSelection): { readonly from: number; readonly to: number } {
  const from = filter.since === undefined ? 0 : Date.parse(filter.since);
  const cutoff = Date.parse(cutoffAt);
  return { from, to: filter.until === undefined ? cutoff : Math.min(cutoff, Date.parse(filter.until)) };
}

function placeOf({ id, diedMs }: Dead): string {
  return `${diedMs} ${id}`;
}

function parsePlace(text: string | undefined): Dead | undefined {
  const [died = '', id = ''] = (text ?? '').split(' ');
  return id === '' ? undefined : { id: id as JobId, diedMs: Number(died) };
}

/** Those of one millisecond stand by their ids, as Redis has them. */
function compare(a: Dead, b: Dead): number {
  return a.diedMs - b.diedMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** Behind the cursor, some at a time. */
async function* lettersOf(
  parts: Parts,
  selection: DeadSelection,
  cursor: string | undefined,
): AsyncGenerator<readonly DeadLetter[]> {
  await regroup(parts);
  const after = parsePlace(cursor);
  const ids = await namedIds(parts, selection);
  const dead = ids === undefined ? scan(parts, selection, after) : among(parts, selection, { ids, after });
  for await (const some of dead) yield await fitting(parts, some, selection);
}

/** undefined: any may fit. */
async function namedIds(
  { client, prefix }: Parts,
  { ids, filter }: DeadSelection,
): Promise<readonly JobId[] | undefined> {
  if (ids !== undefined) return [...new Set(ids)];
  if (filter?.resource === undefined) return undefined;
  return (await client.zrange(`${prefix}jobs:of:${filter.resource}`, '0', '-1').catch(raise)) as JobId[];
}

/** Through the list of all. */
async function* scan(
  { client, prefix }: Parts,
  selection: DeadSelection,
  start: Dead | undefined,
): AsyncGenerator<readonly Dead[]> {
  const { from, to } = timesOf(selection);
  let after = start;
  for (let offset = 0; ; ) {
    const least = Math.max(from, after?.diedMs ?? 0);
    const flat = await client
      .zrange(`${prefix}dead`, String(least), String(to), 'BYSCORE', 'LIMIT', offset, AT_ONCE, 'WITHSCORES')
      .catch(raise);
    const found = pairsOf(flat);
    const passed = after;
    yield passed === undefined ? found : found.filter((each) => compare(each, passed) > 0);
    const last = found.at(-1);
    if (last === undefined || found.length < AT_ONCE) return;
    // So many died in one millisecond that the next look begins there again.
    offset = last.diedMs === least ? offset + AT_ONCE : 0;
    if (after === undefined || compare(last, after) > 0) after = last;
  }
}

function pairsOf(flat: readonly string[]): readonly Dead[] {
  const pairs: Dead[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2)
    pairs.push({ id: (flat[at] ?? '') as JobId, diedMs: Number(flat[at + 1]) });
  return pairs;
}

/** Those of the ids that are dead letters. */
async function* among(
  { client, prefix }: Parts,
  selection: DeadSelection,
  { ids, after }: { readonly ids: readonly JobId[]; readonly after: Dead | undefined },
): AsyncGenerator<readonly Dead[]> {
  if (ids.length === 0) return;
  const { from, to } = timesOf(selection);
  const scores = await client.zmscore(`${prefix}dead`, ...ids).catch(raise);
  const dead = ids.flatMap((id, at): Dead[] => {
    const score = scores[at];
    return score === null || score === undefined ? [] : [{ id, diedMs: Number(score) }];
  });
  yield dead
    .filter(({ diedMs }) => diedMs >= from && diedMs <= to)
    .filter((each) => after === undefined || compare(each, after) > 0)
    .toSorted(compare);
}

async function fitting(
  { client, prefix }: Parts,
  dead: readonly Dead[],
  { filter }: DeadSelection,
): Promise<readonly DeadLetter[]> {
  if (dead.length === 0) return [];
  const members = await client.hmget(`${prefix}dead-group-of`, ...dead.map(({ id }) => id)).catch(raise);
  return dead.flatMap((each, at): DeadLetter[] => {
    const text = members[at];
    if (text === null || text === undefined) return [];
    const member = decodeMember(text);
    if (filter !== undefined && !fitsGroup(member, filter)) return [];
    if (filter?.actor !== undefined && filter.actor !== member.actor) return [];
    return [{ id: each.id, kind: member.kind, place: placeOf(each) }];
  });
}
