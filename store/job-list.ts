import { idTime, type JobId, type ResourceKey } from '../core/ids.ts';
import type { Job } from '../core/job.ts';
import type { JobFilter, Page, PageRequest } from '../core/ports/jobs.ts';
import { JOB_STATES, type JobState } from '../core/states.ts';
import { decodeMember } from './dead-groups.ts';
import { readFields } from './fields.ts';
import { readJobs } from './job-read.ts';
import { raise, type RedisClient } from './redis.ts';
import type { Scripts } from './scripts.ts';

// Listings of jobs. The narrowest index that the filter names is gone through from the newest id on, between the ids of `sinceMs` and
// `untilMs`; what that index leaves open is looked at job by job, in a few fields only. So much is looked at in one listing, and no more:
// the page may then be short, even empty, and goes on by its cursor.

const SCAN_LIMIT = 5_000;
const SCAN_STEP = 500;
/** Dead letters are sifted by their groups first, which costs less for each. */
const SIFT_STEP = 2_000;
const GROUP_COST = 1 / 8;

export interface JobQuery {
  readonly client: RedisClient;
  readonly prefix: string;
  readonly scripts: Scripts;
  readonly filter: JobFilter;
  readonly page: PageRequest;
}

/** Between two ids: from the older, inclusive, to the newer; as ZRANGEBYLEX takes them. */
interface Bounds {
  readonly oldest: string;
  readonly newest: string;
}

export async function listJobs(query: JobQuery): Promise<Page<Job>> {
  const { client, prefix, filter, page } = query;
  const source = await narrowest(query);
  const look = filterOfFields(filter, source.covers);
  const isSifted = look !== undefined && isOfGroups(filter);
  const step = look === undefined ? page.limit + 1 : Math.max(page.limit + 1, isSifted ? SIFT_STEP : SCAN_STEP);
  const found: string[] = [];
  let cursor = page.cursor;
  let isLast = false;
  for (let cost = 0; cost < SCAN_LIMIT && found.length <= page.limit && !isLast; ) {
    const ids = await newest(query, source.indexes, { cursor, count: step });
    const sifted = isSifted ? await ofGroups(query, ids) : ids;
    const left = sifted.slice(0, Math.max(page.limit + 1, SCAN_STEP));
    found.push(...(look === undefined ? left : await look(query, left)));
    cost += left.length + (isSifted ? ids.length * GROUP_COST : 0);
    cursor = (left.length < sifted.length ? left : ids).at(-1) ?? cursor;
    isLast = ids.length < step && left.length === sifted.length;
  }
  const shown = found.slice(0, page.limit);
  const jobs = await readJobs(client, prefix, shown);
  // One may have changed since.
  const items = jobs.filter((job) => matches(factsOf(job), filter));
  if (found.length > page.limit) return { items, next: shown.at(-1) ?? '' };
  return { items, ...(isLast || cursor === undefined ? {} : { next: cursor }) };
}

type Covered = 'resource' | 'state' | 'kind' | 'parent' | 'nothing';

interface Source {
  readonly covers: Covered;
  readonly indexes: readonly string[];
}

/** Each job is in one of the states' indexes. */
function sourcesOf({ resource, kind, parent, ...filter }: JobFilter): readonly Source[] {
  const states = statesOf(filter);
  return [
    ...(resource === undefined ? [] : [{ covers: 'resource', indexes: [`jobs:of:${resource}`] } as const]),
    ...(kind === undefined ? [] : [{ covers: 'kind', indexes: [`jobs:kind:${kind}`] } as const]),
    ...(parent === undefined ? [] : [{ covers: 'parent', indexes: [`jobs:from:${parent}`] } as const]),
    { covers: 'state', indexes: states.map((state) => `jobs:state:${state}`) },
  ];
}

/** Those that can have what is asked for: only what failed has an error, and only dead letters have fingerprints. */
function statesOf({ state, code, fingerprint }: JobFilter): readonly JobState[] {
  const wanted = state === undefined ? (Object.keys(JOB_STATES) as JobState[]) : [state].flat();
  return wanted.filter((each) => {
    if (fingerprint !== undefined) return each === 'dead' || each === 'failed';
    return code === undefined || each !== 'succeeded';
  });
}

async function narrowest({ client, prefix, filter, page }: JobQuery): Promise<Source> {
  const sources = sourcesOf(filter);
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only;
  const { oldest, newest } = boundsOf(filter, page.cursor);
  const sizes = await Promise.all(
    sources.map(async ({ indexes }) => {
      const counts = indexes.map((index) => client.zlexcount(`${prefix}${index}`, oldest, newest).catch(raise));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    }),
  );
  const at = sizes.indexOf(Math.min(...sizes));
  return sources[at] ?? { covers: 'nothing', indexes: [] };
}

function boundsOf({ sinceMs, untilMs }: JobFilter, cursor: string | undefined): Bounds {
  const last = untilMs === undefined ? undefined : `(${idTime(untilMs + 1)}`;
  const next = cursor === undefined ? undefined : `(${cursor}`;
  const newest = last !== undefined && next !== undefined ? (last < next ? last : next) : (last ?? next ?? '+');
  return { oldest: sinceMs === undefined ? '-' : `[${idTime(sinceMs)}`, newest };
}

/** At one moment, since a job may move from one index to another. */
async function newest(
  { client, prefix, filter }: JobQuery,
  indexes: readonly string[],
  page: { readonly cursor: string | undefined; readonly count: number },
): Promise<readonly string[]> {
  const bounds = boundsOf(filter, page.cursor);
  const reads = client.multi();
  for (const index of indexes)
    reads.zrevrangebylex(`${prefix}${index}`, bounds.newest, bounds.oldest, 'LIMIT', 0, page.count);
  const replies = (await reads.exec().catch(raise)) ?? [];
  const ids = replies.flatMap(([, found]) => found as readonly string[]);
  if (indexes.length === 1) return ids;
  return ids.toSorted((a, b) => (a < b ? 1 : -1)).slice(0, page.count);
}

/** Only dead letters can match (or those that were given up, which are in no group), by what a group's name says. */
function isOfGroups(filter: JobFilter): boolean {
  const { code, fingerprint, kind, actor } = filter;
  const states = statesOf(filter);
  const isDead = states.includes('dead') && states.every((state) => state === 'dead' || state === 'failed');
  return isDead && (code ?? fingerprint ?? kind ?? actor) !== undefined;
}

/** Without those whose group is another. Groups of thousands are read at once, and no job is. */
async function ofGroups({ client, prefix, filter }: JobQuery, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return [];
  const members = await client.hmget(`${prefix}dead-group-of`, ...ids).catch(raise);
  const fits = (name: 'code' | 'fingerprint' | 'kind' | 'actor', value: string): boolean =>
    filter[name] === undefined || filter[name] === value;
  return ids.filter((_, at) => {
    const text = members[at];
    if (text === null || text === undefined) return true;
    const { code, fingerprint, kind, actor } = decodeMember(text);
    return fits('code', code) && fits('fingerprint', fingerprint) && fits('kind', kind) && fits('actor', actor);
  });
}

/** What filters ask of a job. */
interface JobFacts {
  readonly id: string;
  readonly state: string;
  readonly kind: string;
  readonly resources: readonly string[];
  readonly actor: string;
  readonly parent?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly fingerprint?: string };
}

function factsOf(job: Job): JobFacts {
  return job;
}

function matches(job: JobFacts, filter: JobFilter): boolean {
  const { state, kind, resource, actor, parent, code, fingerprint, text } = filter;
  return (
    (state === undefined || [state].flat().includes(job.state as JobState)) &&
    (kind === undefined || job.kind === kind) &&
    (resource === undefined || job.resources.includes(resource)) &&
    (actor === undefined || job.actor === actor) &&
    (parent === undefined || job.parent === parent) &&
    (code === undefined || job.error?.code === code) &&
    (fingerprint === undefined || job.error?.fingerprint === fingerprint) &&
    (text === undefined || saysText(job, text.toLowerCase()))
  );
}

function saysText({ id, kind, resources, actor, error }: JobFacts, text: string): boolean {
  const said = [id, kind, actor, ...resources, ...(error === undefined ? [] : [error.code, error.message])];
  return said.some((each) => each.toLowerCase().includes(text));
}

const FIELDS = ['state', 'kind', 'resources', 'spec', 'error'] as const;
type Field = (typeof FIELDS)[number];

/** In which field lies what the filter asks for. */
const FIELD_OF: Readonly<Record<Exclude<keyof JobFilter, 'sinceMs' | 'untilMs'>, readonly Field[]>> = {
  state: ['state'],
  kind: ['kind'],
  resource: ['resources'],
  actor: ['spec'],
  parent: ['spec'],
  code: ['error'],
  fingerprint: ['error'],
  text: ['kind', 'resources', 'spec', 'error'],
};

type Look = (query: JobQuery, ids: readonly string[]) => Promise<readonly string[]>;

/** Of many ids those whose jobs match; undefined where the index has said it all. */
function filterOfFields(filter: JobFilter, covered: Covered): Look | undefined {
  const { sinceMs: _since, untilMs: _until, ...wanted } = filter;
  const asked = Object.keys(wanted).filter((name) => name !== covered) as (keyof typeof FIELD_OF)[];
  const needed = new Set(asked.flatMap((name) => (filter[name] === undefined ? [] : FIELD_OF[name])));
  if (needed.size === 0) return undefined;
  const fields = FIELDS.filter((name) => needed.has(name));
  const open: JobFilter = Object.fromEntries(asked.map((name) => [name, filter[name]]));
  const mayMatch = guessOf(open, fields);
  return async ({ scripts, prefix }, ids) => {
    const rows = await readFields(scripts, prefix, { keys: ids.map((id) => `job:${id}`), fields });
    return ids.filter((id, at) => {
      const values = rows[at] ?? [];
      return mayMatch(id, values) && matches(decodeFacts(id, fields, values), open);
    });
  };
}

type Guess = (id: string, values: readonly (string | null)[]) => boolean;

/** Most jobs match not: to look into their JSON as text is quicker than to parse it. Text that JSON would write otherwise cannot be looked for so. */
function guessOf({ actor, code, fingerprint, text }: JobFilter, fields: readonly Field[]): Guess {
  const has = (values: readonly (string | null)[], name: Field, part: string | undefined): boolean =>
    part === undefined || (values[fields.indexOf(name)]?.includes(JSON.stringify(part)) ?? false);
  const sought = text === undefined || !/^[\w .:@/-]+$/.test(text) ? undefined : text.toLowerCase();
  return (id, values) =>
    values.some((value) => value !== null) &&
    has(values, 'spec', actor) &&
    has(values, 'error', code) &&
    has(values, 'error', fingerprint) &&
    (sought === undefined || `${id} ${values.join(' ')}`.toLowerCase().includes(sought));
}

function decodeFacts(id: string, fields: readonly Field[], values: readonly (string | null)[]): JobFacts {
  const text = (name: Field): string | null => values[fields.indexOf(name)] ?? null;
  const parsed = (name: Field): unknown => {
    const json = text(name);
    return json === null ? undefined : JSON.parse(json);
  };
  const spec = (parsed('spec') ?? {}) as { readonly actor?: string; readonly parent?: JobId };
  const error = parsed('error') as JobFacts['error'];
  return {
    id,
    state: text('state') ?? '',
    kind: text('kind') ?? '',
    resources: (parsed('resources') ?? []) as readonly ResourceKey[],
    actor: spec.actor ?? '',
    ...(spec.parent === undefined ? {} : { parent: spec.parent }),
    ...(error === undefined ? {} : { error }),
  };
}
