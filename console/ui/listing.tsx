import type { ComponentChildren } from 'preact';
import type { Page as PageOf } from '../api/client.ts';
import type { Query } from '../live/query.ts';
import { Panel } from './page.tsx';
import { Paging } from './paging.tsx';
import { usePrevious } from './previous.ts';
import { Empty, Loading, ProblemView } from './problem-view.tsx';
import { type Column, Table } from './table.tsx';

interface ListingProps<T> {
  readonly title: string;
  readonly query: Query<PageOf<T>>;
  readonly columns: readonly Column<T>[];
  readonly keyOf: (item: T) => string;
  /** What is said when there is nothing at all. */
  readonly empty: ComponentChildren;
  /** A page may be empty because of the filter. */
  readonly isFiltered?: boolean;
}

/** A page of a listing: rows, or why there are none, and the way on. */
export function Listing<T>({ title, query, columns, keyOf, empty, isFiltered = false }: ListingProps<T>) {
  const shown = usePrevious(query.data);
  const count = shown?.items.length ?? 0;
  return (
    <>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title={title} isFlush>
        {shown === undefined && query.problem === undefined && <Loading />}
        {shown !== undefined && count === 0 && <None hasMore={shown.next !== undefined} {...{ isFiltered, empty }} />}
        {shown !== undefined && count > 0 && (
          <Table
            label={title}
            items={shown.items}
            columns={columns}
            keyOf={keyOf}
            isStale={query.data === undefined && query.problem === undefined}
          />
        )}
      </Panel>
      <Paging next={shown?.next} count={count} />
    </>
  );
}

interface NoneProps {
  readonly hasMore: boolean;
  readonly isFiltered: boolean;
  readonly empty: ComponentChildren;
}

function None({ hasMore, isFiltered, empty }: NoneProps) {
  if (hasMore) return <Empty title="Nothing that matches on this page; there are more pages" />;
  if (isFiltered) return <Empty title="Nothing matches" />;
  return <>{empty}</>;
}
