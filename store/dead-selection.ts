import type { JobId } from '../core/ids.ts';
import type { DeadFilter, DeadLetter, DeadLetters, DeadSelection } from '../core/ports/dead-letters.ts';
import type { PageRequest } from '../core/ports/jobs.ts';
import { decodeGroup, type GroupName, regroup } from './dead-groups.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

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
  return async (selection, page) => {
    await regroup(parts);
    const items: DeadLetter[] = [];
    const dead = selection.ids === undefined ? scan(parts, selection, page) : named(parts, selection, page);
    for await (const some of dead) {
      for (const letter of await fitting(parts, some, selection)) {
        const last = items.at(-1);
        if (items.length === page.limit && last !== undefined) return { items, next: last.place };
        items.push(letter);
      }
    }
    return { items };
  };
}

export function createCount(parts: Parts): DeadLetters['count'] {
  const select = createSelect(parts);
  return async (selection) => {
    const { filter } = selection;
    const isOfGroups = filter !== undefined && filter.resource === undefined && filter.actor === undefined;
    const counts = isOfGroups
      ? await countGroups(parts, selection, filter)
      : await countEach((cursor) => select(selection, { limit: AT_ONCE, ...(cursor === undefined ? {} : { cursor }) }));
    const byKind = [...counts]
      .filter(([, count]) => count > 0)
      .map(([kind, count]) => ({ kind, count }))
      .toSorted((a, b) => b.count - a.count || (a.kind < b.kind ? -1 : 1));
    return { matched: byKind.reduce((sum, { count }) => sum + count, 0), byKind };
  };
}

type Counts = ReadonlyMap<string, number>;

async function countEach(read: (cursor: string | undefined) => ReturnType<DeadLetters['select']>): Promise<Counts> {
  const counts = new Map<string, number>();
  for (let cursor: string | undefined; ; ) {
    const page = await read(cursor);
    for (const { kind } of page.items) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    cursor = page.next;
    if (cursor === undefined) return counts;
  }
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
function timesOf({ filter = {}, cutoffAt }: DeadSelection): { readonly from: string; readonly to: number } {
  const from = filter.since === undefined ? '0' : String(Date.parse(filter.since));
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

/** Through the list of all, from the cursor on. */
async function* scan(
  { client, prefix }: Parts,
  selection: DeadSelection,
  { cursor }: PageRequest,
): AsyncGenerator<readonly Dead[]> {
  const { from, to } = timesOf(selection);
  let after = parsePlace(cursor);
  let offset = 0;
  for (;;) {
    const least = after === undefined ? from : String(Math.max(after.diedMs, Number(from)));
    const flat = await client
      .zrange(`${prefix}dead`, least, String(to), 'BYSCORE', 'LIMIT', offset, AT_ONCE, 'WITHSCORES')
      .catch(raise);
    const found = pairsOf(flat);
    const passed = after;
    yield passed === undefined ? found : found.filter((each) => compare(each, passed) > 0);
    const last = found.at(-1);
    if (last === undefined || found.length < AT_ONCE) return;
    // So many died in one millisecond that the next look begins there again.
    offset = String(last.diedMs) === least ? offset + AT_ONCE : 0;
    after = last;
  }
}

function pairsOf(flat: readonly string[]): readonly Dead[] {
  const pairs: Dead[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2)
    pairs.push({ id: (flat[at] ?? '') as JobId, diedMs: Number(flat[at + 1]) });
  return pairs;
}

/** Those of the named that are dead letters. */
async function* named(
  { client, prefix }: Parts,
  selection: DeadSelection,
  { cursor }: PageRequest,
): AsyncGenerator<readonly Dead[]> {
  const ids = [...new Set(selection.ids)];
  if (ids.length === 0) return;
  const { to } = timesOf(selection);
  const after = parsePlace(cursor);
  const scores = await client.zmscore(`${prefix}dead`, ...ids).catch(raise);
  const dead = ids.flatMap((id, at): Dead[] => {
    const score = scores[at];
    return score === null || score === undefined || Number(score) > to ? [] : [{ id, diedMs: Number(score) }];
  });
  yield dead.filter((each) => after === undefined || compare(each, after) > 0).toSorted(compare);
}

async function fitting(parts: Parts, dead: readonly Dead[], { filter }: DeadSelection): Promise<readonly DeadLetter[]> {
  if (dead.length === 0) return [];
  const { client, prefix } = parts;
  const names = await client.hmget(`${prefix}dead-group-of`, ...dead.map(({ id }) => id)).catch(raise);
  const letters = dead.flatMap((each, at): DeadLetter[] => {
    const name = names[at];
    if (name === null || name === undefined) return [];
    const group = decodeGroup(name);
    if (filter !== undefined && !fitsGroup(group, filter)) return [];
    return [{ id: each.id, kind: group.kind, place: placeOf(each) }];
  });
  if (filter?.resource === undefined && filter?.actor === undefined) return letters;
  return fittingJobs(parts, letters, filter);
}

async function fittingJobs(
  { client, prefix }: Parts,
  letters: readonly DeadLetter[],
  { resource, actor }: DeadFilter,
): Promise<readonly DeadLetter[]> {
  if (letters.length === 0) return [];
  const reads = client.pipeline();
  for (const { id } of letters) reads.hmget(`${prefix}job:${id}`, 'resources', 'spec');
  const replies = (await reads.exec().catch(raise)) ?? [];
  return letters.filter((_, at) => {
    const [resources, spec] = (replies[at]?.[1] ?? []) as readonly (string | null)[];
    const isAt = resource === undefined || (JSON.parse(resources ?? '[]') as readonly string[]).includes(resource);
    const isBy = actor === undefined || (JSON.parse(spec ?? '{}') as { readonly actor?: string }).actor === actor;
    return isAt && isBy;
  });
}
