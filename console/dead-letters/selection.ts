import type { DeadFilter, DeadGroup } from '../api/dead-letter.ts';

/** Fingerprints of one request at most. */
const MOST_FINGERPRINTS = 100;

export function keyOf({ fingerprint, kind }: Pick<DeadGroup, 'fingerprint' | 'kind'>): string {
  return `${kind} ${fingerprint}`;
}

/** The filters that take exactly these groups. Kinds may share a fingerprint, so each kind has its own; a bulk job takes one filter. */
export function filtersOf(groups: readonly DeadGroup[]): readonly DeadFilter[] {
  const byKind = Map.groupBy(groups, ({ kind }) => kind);
  return [...byKind].flatMap(([kind, ofKind]) => {
    const fingerprints = ofKind.map(({ fingerprint }) => fingerprint);
    const filters: DeadFilter[] = [];
    for (let at = 0; at < fingerprints.length; at += MOST_FINGERPRINTS) {
      filters.push({ kind, fingerprints: fingerprints.slice(at, at + MOST_FINGERPRINTS) });
    }
    return filters;
  });
}
