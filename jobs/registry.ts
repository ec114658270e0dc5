import type { AnyKind } from './define.ts';

/** The catalogue: every kind there is. Queues, workers, OpenAPI, metrics and docs derive from it. */
export interface Catalogue {
  readonly kinds: readonly AnyKind[];
  readonly lanes: readonly string[];
  find(kind: string): AnyKind | undefined;
}

export function createCatalogue(kinds: readonly AnyKind[]): Catalogue {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  if (byName.size !== kinds.length) throw new TypeError('two job kinds have one name');
  return {
    kinds,
    lanes: [...new Set(kinds.map((kind) => kind.lane))],
    find: (kind) => byName.get(kind),
  };
}
