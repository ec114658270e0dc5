import { StowageError } from '../../core/errors.ts';
import { familiarReference, type ImageReference, partsOf } from '../../core/reference.ts';
import { labelsOf } from '../../jobs/image/configuration.ts';
import { builtAtMs, type ImageIndex, type NamedImage } from '../../jobs/image/naming.ts';
import { parseTime } from './time.ts';
import { filtersOf, type Filters, flagFilter, hasLabels } from './query.ts';

const LISTED = ['dangling', 'label', 'label!', 'before', 'since', 'until', 'reference'] as const;
const MAX_STARS = 6;

/** The images that `filters` of `GET /images/json` leaves. @throws `request-invalid`, `image-not-found` */
export function filterImages(query: URLSearchParams, index: ImageIndex, nowMs: number): readonly NamedImage[] {
  const filters = filtersOf(query, LISTED);
  const dangling = flagFilter(filters, 'dangling');
  const before = bound(filters, 'before', (text) => builtAtMs(index.find(text).image.record), Math.min);
  const since = bound(filters, 'since', (text) => builtAtMs(index.find(text).image.record), Math.max);
  const left = index.images.filter(
    (image) =>
      (dangling === undefined || dangling === isUnnamed(image)) &&
      (before === undefined || builtAtMs(image.record) < before) &&
      (since === undefined || builtAtMs(image.record) > since) &&
      isLabelled(image, filters) &&
      isBuiltInTime(image, filters, nowMs),
  );
  const patterns = filters.get('reference') ?? [];
  return patterns.length === 0 ? left : left.flatMap((image) => withNames(image, patterns));
}

function isUnnamed({ tags, digests }: NamedImage): boolean {
  return tags.length === 0 && digests.length === 0;
}

function isLabelled({ record }: NamedImage, filters: Filters): boolean {
  const labels = labelsOf(record);
  return (
    hasLabels(labels, filters.get('label')) &&
    !(filters.get('label!') ?? []).some((label) => hasLabels(labels, [label]))
  );
}

function isBuiltInTime({ record }: NamedImage, filters: Filters, nowMs: number): boolean {
  const until = bound(filters, 'until', (text) => parseTime(text, nowMs), Math.min);
  return until === undefined || builtAtMs(record) < until;
}

function bound(
  filters: Filters,
  name: string,
  read: (text: string) => number,
  choose: (...values: number[]) => number,
): number | undefined {
  const values = filters.get(name) ?? [];
  return values.length === 0 ? undefined : choose(...values.map(read));
}

/** Only the names that fit are shown; an image of which none fits is not. */
function withNames(image: NamedImage, patterns: readonly string[]): readonly NamedImage[] {
  const fits = (reference: ImageReference) => patterns.some((pattern) => matchesReference(pattern, reference));
  const named = { ...image, tags: image.tags.filter(fits), digests: image.digests.filter(fits) };
  return isUnnamed(named) ? [] : [named];
}

/** As distribution's FamiliarMatch: the pattern is for `name:tag`, or for the name alone; `*` stops at a slash. */
function matchesReference(pattern: string, reference: ImageReference): boolean {
  const familiar = familiarReference(reference);
  const { tag, digest } = partsOf(reference);
  const suffix = digest === undefined ? `:${tag ?? ''}` : `@${digest}`;
  const glob = globOf(pattern);
  return glob.test(familiar) || glob.test(familiar.slice(0, familiar.length - suffix.length));
}

function globOf(pattern: string): RegExp {
  // Each star may make the search longer by the length of a name.
  if (pattern.split('*').length > MAX_STARS)
    throw new StowageError('request-invalid', `Invalid filter 'reference=${pattern}'`);
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll(/\*+/g, '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch (cause) {
    throw new StowageError('request-invalid', `Invalid filter 'reference=${pattern}'`, { cause });
  }
}

/** What `POST /images/prune` removes: without a tag, or all when `dangling=false`. @throws `request-invalid` */
export function prunableImages(query: URLSearchParams, index: ImageIndex, nowMs: number): readonly NamedImage[] {
  const filters = filtersOf(query, ['dangling', 'label', 'label!', 'until']);
  const isAll = flagFilter(filters, 'dangling') === false;
  return index.images.filter(
    (image) => (isAll || image.tags.length === 0) && isLabelled(image, filters) && isBuiltInTime(image, filters, nowMs),
  );
}
