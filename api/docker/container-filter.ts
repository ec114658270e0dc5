import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Digest } from '../../core/reference.ts';
import { noSuchContainer } from '../../jobs/container/find.ts';
import type { ImageIndex } from '../../jobs/image/naming.ts';
import { isShown } from './container-find.ts';
import { boundPorts, exposedPorts } from './container-ports.ts';
import { dockerState, type DockerState, isAlive } from './container-state.ts';
import { findNetwork } from './network-view.ts';
import { type Filters, filtersOf, flagFilter, flagOf, hasLabels } from './query.ts';
import { patternOf } from './pattern.ts';
import { parseTime } from './time.ts';

const KNOWN = [
  'ancestor',
  'before',
  'expose',
  'exited',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;
const STATES: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] satisfies readonly DockerState[];
const HEALTH = ['none', 'starting', 'healthy', 'unhealthy'];

type Test = (record: ContainerRecord) => boolean;

/** The containers that `docker ps` shows, newest first. @throws `request-invalid`, `container-not-found` for `before` and `since` */
export function filterContainers(
  query: URLSearchParams,
  all: readonly ContainerRecord[],
  images: ImageIndex,
): readonly ContainerRecord[] {
  const filters = filtersOf(query, KNOWN);
  const shown = all.filter(isShown).sort(newestFirst);
  const limit = limitOf(query);
  const isAll = flagOf(query, 'all') || limit > 0 || filters.has('status');
  const tests = [
    ...byIdentity(filters),
    ...byState(filters),
    ...byAge(filters, shown),
    ...byParts(filters, images),
    ...byPorts(filters),
  ];
  const left = shown.filter((record) => (isAll || isAlive(record)) && tests.every((test) => test(record)));
  return limit > 0 ? left.slice(0, limit) : left;
}

function newestFirst(a: ContainerRecord, b: ContainerRecord): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
  return a.name < b.name ? -1 : 1;
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (text === '') return 0;
  if (!/^-?\d{1,9}$/.test(text)) throw new StowageError('request-invalid', `invalid limit: "${text}"`);
  return Number(text);
}

/** One test where any value was given, which passes when one of them fits. */
function any(
  filters: Filters,
  name: string,
  fits: (record: ContainerRecord, value: string) => boolean,
): readonly Test[] {
  const wanted = filters.get(name) ?? [];
  return wanted.length === 0 ? [] : [(record) => wanted.some((value) => fits(record, value))];
}

function byIdentity(filters: Filters): readonly Test[] {
  return [
    ...any(filters, 'id', ({ name }, text) => name.startsWith(text)),
    ...any(filters, 'name', ({ called }, text) => {
      const pattern = patternOf(text);
      const bare = text.replace(/^\//, '');
      return called.includes(bare) || pattern?.test(called) === true || pattern?.test(`/${called}`) === true;
    }),
    ({ spec }) => hasLabels(spec.labels, filters.get('label')),
  ];
}

function byState(filters: Filters): readonly Test[] {
  const isTask = flagFilter(filters, 'is-task');
  for (const value of filters.get('status') ?? []) check('status', value, STATES.includes(value));
  for (const value of filters.get('health') ?? []) check('health', value, HEALTH.includes(value));
  for (const value of filters.get('exited') ?? []) check('exited', value, /^-?\d{1,10}$/.test(value));
  return [
    ...any(filters, 'status', (record, value) => dockerState(record) === value),
    // There are no health checks yet, and isolation is of Windows.
    ...any(filters, 'health', (_, value) => value === 'none'),
    ...any(filters, 'isolation', (_, value) => value === '' || value === 'default'),
    ...(isTask === true ? [() => false] : []),
    ...any(
      filters,
      'exited',
      ({ run, state }, value) => state !== 'created' && run.finishedAt !== undefined && run.exitCode === Number(value),
    ),
  ];
}

function check(name: string, value: string, isGood: boolean): void {
  if (!isGood) throw new StowageError('request-invalid', `invalid filter '${name}=${value}'`);
}

function byAge(filters: Filters, shown: readonly ContainerRecord[]): readonly Test[] {
  const placeOf = (text: string): number => {
    const bare = text.replace(/^\//, '');
    const at = shown.findIndex(({ called, name }) => called === bare || name === text);
    const found = at >= 0 ? at : shown.findIndex(({ name }) => text !== '' && name.startsWith(text));
    if (found < 0) throw noSuchContainer(text);
    return found;
  };
  const place = new Map(shown.map(({ name }, at) => [name, at]));
  const before = (filters.get('before') ?? []).map(placeOf);
  const since = (filters.get('since') ?? []).map(placeOf);
  return [
    ...before.map(
      (bound): Test =>
        ({ name }) =>
          (place.get(name) ?? 0) > bound,
    ),
    ...since.map(
      (bound): Test =>
        ({ name }) =>
          (place.get(name) ?? 0) < bound,
    ),
  ];
}

function byParts(filters: Filters, images: ImageIndex): readonly Test[] {
  const ancestors = new Map((filters.get('ancestor') ?? []).map((text) => [text, idsOf(text, images)]));
  return [
    ...any(filters, 'ancestor', ({ spec }, text) => ancestors.get(text)?.has(spec.image) === true),
    ...any(filters, 'volume', ({ spec }, text) =>
      spec.mounts.some(({ volume, destination }) => volume === text || destination === text),
    ),
    ...any(filters, 'network', ({ spec }, text) => findNetwork(text)?.name === spec.network),
  ];
}

/** The image, and all whose layers begin with its own: what was built upon it. */
function idsOf(text: string, images: ImageIndex): ReadonlySet<Digest> {
  try {
    const { layers } = images.find(text).image.record;
    const isUpon = (other: (typeof images.images)[number]): boolean =>
      layers.every(({ diffId }, at) => other.record.layers[at]?.diffId === diffId);
    return new Set(images.images.filter(isUpon).map(({ record }) => record.name));
  } catch (error) {
    if (!isErrorCode(error, 'image-not-found', 'reference-invalid')) throw error;
    return new Set();
  }
}

function byPorts(filters: Filters): readonly Test[] {
  const ranges = new Map(
    [...(filters.get('expose') ?? []), ...(filters.get('publish') ?? [])].map((text) => [text, rangeOf(text)]),
  );
  const isIn = (text: string, port: number, protocol: string): boolean => {
    const range = ranges.get(text);
    return range !== undefined && range.protocol === protocol && port >= range.first && port <= range.last;
  };
  return [
    ...any(filters, 'expose', (record, text) =>
      exposedPorts(record).some((key) => isIn(text, Number.parseInt(key, 10), key.split('/')[1] ?? 'tcp')),
    ),
    ...any(filters, 'publish', (record, text) =>
      boundPorts(record).some(({ hostPort, protocol }) => isIn(text, hostPort, protocol)),
    ),
  ];
}

/** `80`, `80/udp`, `8000-8010/tcp`. @throws `request-invalid` */
function rangeOf(text: string): { readonly first: number; readonly last: number; readonly protocol: string } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) throw new StowageError('request-invalid', `invalid port: "${text}"`);
  const first = Number(match[1]);
  return { first, last: match[2] === undefined ? first : Number(match[2]), protocol: match[3] ?? 'tcp' };
}

/** What `POST /containers/prune` removes. @throws `request-invalid` */
export function prunableContainers(
  query: URLSearchParams,
  all: readonly ContainerRecord[],
  nowMs: number,
): readonly ContainerRecord[] {
  const filters = filtersOf(query, ['label', 'label!', 'until']);
  const until = (filters.get('until') ?? []).map((text) => parseTime(text, nowMs));
  return all.filter(
    ({ state, spec, createdAt }) =>
      (state === 'created' || state === 'exited' || state === 'dead') &&
      hasLabels(spec.labels, filters.get('label')) &&
      !(filters.get('label!') ?? []).some((label) => hasLabels(spec.labels, [label])) &&
      until.every((bound) => Date.parse(createdAt) < bound),
  );
}
