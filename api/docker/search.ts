import { StowageError } from '../../core/errors.ts';
import { DEFAULT_REGISTRY } from '../../core/reference.ts';
import { type Answer, json } from './answer.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { filtersOf, flagFilter } from './query.ts';
import { readRegistryAuth } from './registry-auth.ts';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

/** `term`, or `registry.example:5000/term`. */
async function search(call: Call, { registry }: DockerParts): Promise<Answer> {
  const filters = filtersOf(call.query, ['is-official', 'is-automated', 'stars']);
  const credentials = readRegistryAuth(call.headers);
  const { host, term } = splitTerm(call.query.get('term') ?? '');
  const found = await registry.search(host, term, {
    signal: call.signal,
    limit: limitOf(call.query.get('limit')),
    ...(credentials === undefined ? {} : { credentials }),
  });
  const isOfficial = flagFilter(filters, 'is-official');
  const isAutomated = flagFilter(filters, 'is-automated');
  const least = Math.max(0, ...(filters.get('stars') ?? []).map(starsOf));
  const left = found.filter(
    (each) =>
      (isOfficial === undefined || each.isOfficial === isOfficial) && isAutomated !== true && each.stars >= least,
  );
  return json(
    left.map(({ name, description, stars, isOfficial }) => ({
      name,
      description,
      star_count: stars,
      is_official: isOfficial,
      is_automated: false,
    })),
  );
}

function splitTerm(text: string): { readonly host: string; readonly term: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost';
  if (!isHost || first === DEFAULT_REGISTRY || first === 'index.docker.io')
    return { host: DEFAULT_REGISTRY, term: isHost ? text.slice(slash + 1) : text };
  return { host: first, term: text.slice(slash + 1) };
}

/** The CLI sends 0 when it was not told. */
function limitOf(text: string | null): number {
  const limit = Number(text ?? '0') || DEFAULT_LIMIT;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new StowageError('request-invalid', `invalid limit ${text}: it must be from 1 to ${MAX_LIMIT}`);
}

function starsOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new StowageError('request-invalid', `Invalid filter 'stars=${text}'`);
}

export const searchRoutes: readonly Route[] = [
  { method: 'GET', path: '/images/search', role: 'viewer', support: { as: 'supported' }, handler: search },
];
