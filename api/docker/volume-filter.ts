import type { ContainerRecord } from '../../core/container.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { patternOf } from './pattern.ts';
import { type Filters, filtersOf, flagFilter, hasLabels } from './query.ts';
import { DRIVER, isVisible } from './volume-view.ts';

import { ANONYMOUS_LABEL } from '../../jobs/container/anonymous.ts';

/** The volumes that `filters` of `GET /volumes` leaves. @throws `request-invalid` */
export function filterVolumes(
  query: URLSearchParams,
  volumes: readonly VolumeRecord[],
  containers: readonly ContainerRecord[],
): readonly VolumeRecord[] {
  const filters = filtersOf(query, ['dangling', 'driver', 'label', 'name']);
  const dangling = flagFilter(filters, 'dangling');
  const labels = filters.get('label');
  const isNamed = nameFilter(filters);
  const mounted = mountedIn(containers);
  const drivers = filters.get('driver') ?? [];
  if (drivers.length > 0 && !drivers.includes(DRIVER)) return [];
  return volumes.filter(
    (volume) =>
      isVisible(volume) &&
      (dangling === undefined || dangling === isDangling(volume, mounted)) &&
      hasLabels(volume.spec.labels, labels) &&
      isNamed(volume.name),
  );
}

/** As moby's: any part of the name, or a regular expression. */
function nameFilter(filters: Filters): (name: string) => boolean {
  const wanted = filters.get('name') ?? [];
  if (wanted.length === 0) return () => true;
  const patterns = wanted.map(patternOf);
  return (name) => wanted.some((part, at) => name.includes(part) || patterns[at]?.test(name) === true);
}

/** Names of volumes that a container mounts, whether it runs or not. */
function mountedIn(containers: readonly ContainerRecord[]): ReadonlySet<string> {
  return new Set(containers.flatMap(({ spec }) => spec.mounts.map(({ volume }) => volume)));
}

function isDangling(volume: VolumeRecord, mounted: ReadonlySet<string>): boolean {
  return volume.holders.length === 0 && !mounted.has(volume.name);
}

/** What `POST /volumes/prune` may remove. Before 1.42 that were all unused volumes. @throws `request-invalid` */
export function prunable(
  query: URLSearchParams,
  {
    volumes,
    containers,
  }: { readonly volumes: readonly VolumeRecord[]; readonly containers: readonly ContainerRecord[] },
  minor: number,
): readonly VolumeRecord[] {
  const mounted = mountedIn(containers);
  const filters = filtersOf(query, minor < 42 ? ['label', 'label!'] : ['label', 'label!', 'all']);
  const isAll = minor < 42 || flagFilter(filters, 'all') === true;
  return volumes.filter(
    (volume) =>
      isVisible(volume) &&
      isDangling(volume, mounted) &&
      (isAll || Object.hasOwn(volume.spec.labels, ANONYMOUS_LABEL)) &&
      hasLabels(volume.spec.labels, filters.get('label')) &&
      !(filters.get('label!') ?? []).some((label) => hasLabels(volume.spec.labels, [label])),
  );
}
