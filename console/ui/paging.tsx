import { useFilters } from './filters.ts';
import { Icon } from './icon.tsx';

interface PagingProps {
  /** Of the page that is shown. */
  readonly next: string | undefined;
  readonly count: number;
}

/** The way on through a listing, by its cursor in the URL; the way back is the browser's own. */
export function Paging({ next, count }: PagingProps) {
  const { values, hrefWith } = useFilters();
  const isFirst = values['cursor'] === undefined;
  if (isFirst && next === undefined) return null;
  return (
    <nav class="row paging" aria-label="Pages of the list">
      {!isFirst && (
        <a class="button" href={hrefWith({})}>
          <Icon name="left" size={14} />
          First page
        </a>
      )}
      {next !== undefined && (
        <a class="button" href={hrefWith({ cursor: next })}>
          Next page
          <Icon name="right" size={14} />
        </a>
      )}
      <span class="muted">{count === 0 ? 'None on this page' : `${count} on this page`}</span>
    </nav>
  );
}
