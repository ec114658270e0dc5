import { useLocation } from 'preact-iso/router';

export interface Filters {
  /** Of the URL's query. */
  readonly values: Readonly<Record<string, string>>;
  /** Puts some into the URL (undefined or '' takes one out), without a step of history. Paging begins anew. */
  readonly set: (changes: Readonly<Record<string, string | undefined>>) => void;
  readonly clear: () => void;
  /** The URL of this listing with other parameters: for links. */
  readonly hrefWith: (changes: Readonly<Record<string, string | undefined>>) => string;
}

/** Filters of a list live in its URL: they survive going back, reloading, and being sent to somebody. */
export function useFilters(): Filters {
  const { path, query, route } = useLocation();
  const hrefWith = (changes: Readonly<Record<string, string | undefined>>): string => {
    const search = new URLSearchParams(query);
    search.delete('cursor');
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined || value === '') search.delete(name);
      else search.set(name, value);
    }
    const text = search.toString();
    return text === '' ? path : `${path}?${text}`;
  };
  return {
    values: query,
    set: (changes) => route(hrefWith(changes), true),
    clear: () => route(path, true),
    hrefWith,
  };
}
