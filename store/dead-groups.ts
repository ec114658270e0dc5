import type { ErrorCode } from '../core/error-codes.ts';
import type { ErrorFacts } from '../core/errors.ts';
import { fingerprintOf } from '../core/fingerprint.ts';
import type { JobId } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import type { DeadGroup, DeadGroupFilter, DeadLetters } from '../core/ports/dead-letters.ts';
import type { PageRequest } from '../core/ports/jobs.ts';
import { decodeStored, iso } from './job-codec.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

/** Of a group's message. */
const MOST_TEXT = 500;
const REGROUP_AT_ONCE = 500;

/** What a group's name in Redis says: `<fingerprint>:<code>:<kind>`. */
export interface GroupName {
  readonly fingerprint: string;
  readonly code: ErrorCode;
  readonly kind: string;
}

export function decodeGroup(text: string): GroupName {
  const [fingerprint = '', code = '', ...kind] = text.split(':');
  return { fingerprint, code: code as ErrorCode, kind: kind.join(':') };
}

/** What `dead-group-of` says of a dead letter: `<group> <actor>`. */
export function decodeMember(text: string): GroupName & { readonly actor: string } {
  const end = text.indexOf(' ');
  return { ...decodeGroup(text.slice(0, end)), actor: text.slice(end + 1) };
}

export interface Death {
  readonly error: ErrorFacts;
  /** As dead.lua reads it. */
  readonly text: string;
}

/** What is written of a job that becomes a dead letter, beside its attempt. */
export function encodeDeath(
  job: Pick<Job, 'kind' | 'actor' | 'resources' | 'payload' | 'notes'>,
  error: ErrorFacts,
  step: string | undefined,
): Death {
  const fingerprint = fingerprintOf(error, step, job);
  const group = `${fingerprint}:${error.code}:${job.kind}`;
  const message = error.message.slice(0, MOST_TEXT);
  const text = JSON.stringify({ group, actor: job.actor, step: step ?? '', message });
  return { error: { ...error, fingerprint }, text };
}

interface Parts {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
}

export function createDeadGroups(parts: Parts): DeadLetters['groups'] {
  const { client, prefix } = parts;
  return async (filter, page) => {
    await regroup(parts);
    const all = await client.zrevrange(`${prefix}dead-groups`, '0', '-1', 'WITHSCORES').catch(raise);
    const wanted = pairsOf(all).filter(({ name, lastMs }) => isWanted(filter, decodeGroup(name), lastMs));
    const read = await readGroups(parts, wanted);
    const untilMs = filter.until === undefined ? Number.POSITIVE_INFINITY : Date.parse(filter.until);
    const groups = read.filter(({ firstSeenAt }) => Date.parse(firstSeenAt) <= untilMs);
    return { ...pageOf(groups, page), total: groups.length };
  };
}

interface Seen {
  readonly name: string;
  readonly lastMs: number;
}

function pairsOf(flat: readonly string[]): readonly Seen[] {
  const pairs: Seen[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push({ name: flat[at] ?? '', lastMs: Number(flat[at + 1]) });
  return pairs;
}

function isWanted(filter: DeadGroupFilter, { kind, code }: GroupName, lastMs: number): boolean {
  return (
    (filter.kind === undefined || filter.kind === kind) &&
    (filter.code === undefined || filter.code === code) &&
    (filter.since === undefined || Date.parse(filter.since) <= lastMs)
  );
}

/** Some may be gone by now. */
async function readGroups({ client, prefix }: Parts, seen: readonly Seen[]): Promise<readonly DeadGroup[]> {
  if (seen.length === 0) return [];
  const reads = client.pipeline();
  for (const { name } of seen) {
    reads.hmget(`${prefix}dead-group:${name}`, 'step', 'message', 'first');
    reads.zcard(`${prefix}dead-in:${name}`);
    reads.zrange(`${prefix}dead-in:${name}`, '0', '0');
    reads.zrange(`${prefix}dead-in:${name}`, '-1', '-1');
  }
  const replies = (await reads.exec().catch(raise)) ?? [];
  return seen.flatMap(({ name, lastMs }, at) => {
    const [facts, count, oldest, newest] = replies.slice(at * 4, at * 4 + 4).map(([, reply]) => reply);
    const [step, message, first] = facts as readonly (string | null)[];
    const [oldestJob] = oldest as readonly JobId[];
    const [newestJob] = newest as readonly JobId[];
    if (oldestJob === undefined || newestJob === undefined) return [];
    return {
      ...decodeGroup(name),
      ...(step === '' || step === null || step === undefined ? {} : { step }),
      message: message ?? '',
      count: Number(count),
      firstSeenAt: iso(Number(first ?? lastMs)),
      lastSeenAt: iso(lastMs),
      oldestJob,
      newestJob,
    };
  });
}

/** The cursor is the place of the last one shown: `<last seen> <fingerprint> <kind>`. */
function pageOf(
  groups: readonly DeadGroup[],
  { cursor, limit }: PageRequest,
): { readonly items: readonly DeadGroup[]; readonly next?: string } {
  const placed = groups
    .map((group) => ({ group, place: placeOf(group) }))
    .toSorted((a, b) => (a.place < b.place ? 1 : -1));
  const rest = cursor === undefined ? placed : placed.filter(({ place }) => place < cursor);
  const shown = rest.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ group }) => group),
    ...(last === undefined || rest.length <= limit ? {} : { next: last.place }),
  };
}

function placeOf({ lastSeenAt, fingerprint, kind }: DeadGroup): string {
  return `${lastSeenAt} ${fingerprint} ${kind}`;
}

/** An older version made dead letters without a group, and took some out that had one: it may still run beside this one. */
export async function regroup(parts: Parts): Promise<void> {
  const { client, prefix } = parts;
  const [dead, grouped] = await Promise.all([
    client.zcard(`${prefix}dead`).catch(raise),
    client.hlen(`${prefix}dead-group-of`).catch(raise),
  ]);
  if (dead === grouped) return;
  const [ids, known] = await Promise.all([
    client.zrange(`${prefix}dead`, '0', '-1').catch(raise),
    client.hkeys(`${prefix}dead-group-of`).catch(raise),
  ]);
  const isDead = new Set(ids);
  const isGrouped = new Set(known);
  const wrong = [...ids.filter((id) => !isGrouped.has(id)), ...known.filter((id) => !isDead.has(id))];
  for (let at = 0; at < wrong.length; at += REGROUP_AT_ONCE)
    await regroupSome(parts, wrong.slice(at, at + REGROUP_AT_ONCE));
}

async function regroupSome({ client, prefix, scripts }: Parts, ids: readonly string[]): Promise<void> {
  const reads = client.pipeline();
  for (const id of ids) reads.hgetall(`${prefix}job:${id}`);
  const replies = (await reads.exec().catch(raise)) ?? [];
  await Promise.all(
    ids.map(async (id, at) => {
      const job = decodeStored(id as JobId, (replies[at]?.[1] ?? {}) as Record<string, string>);
      const death = job?.error === undefined ? undefined : encodeDeath(job, job.error, job.attempts.at(-1)?.step);
      const args = death === undefined ? ['', ''] : [death.text, JSON.stringify(death.error)];
      await scripts.run('regroup', `${prefix}job:${id}`, [id, ...args]);
    }),
  );
}
