import './table.css';
import type { ComponentChildren } from 'preact';

export interface Column<T> {
  readonly title: string;
  readonly cell: (item: T) => ComponentChildren;
  /** Numbers stand at the end. */
  readonly isNumber?: boolean;
  /** As narrow as what is in it. */
  readonly isTight?: boolean;
  /** Needs no name where rows are cards: it says itself what it is. */
  readonly isPlain?: boolean;
}

interface TableProps<T> {
  /** What it lists, for those who do not see it. */
  readonly label: string;
  readonly items: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (item: T) => string;
  /** Rows of before are shown while the next ones come. */
  readonly isStale?: boolean;
}

/** A table; on a narrow screen a list of cards (the roles keep it a table for screen readers). The first column leads to the thing. */
export function Table<T>({ label, items, columns, keyOf, isStale = false }: TableProps<T>) {
  return (
    <div class={`table-box${isStale ? ' stale' : ''}`} aria-busy={isStale}>
      <table class="table" role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.title} role="columnheader" scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {items.map((item) => (
            <tr key={keyOf(item)} role="row">
              {columns.map((column, at) => (
                <td
                  key={column.title}
                  role="cell"
                  class={`${classOf(column)}${at === 0 ? ' first' : ''}`}
                  data-label={column.isPlain === true || at === 0 ? undefined : column.title}
                >
                  {column.cell(item)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf<T>({ isNumber = false, isTight = false }: Column<T>): string {
  return `${isNumber ? 'end' : ''}${isTight ? ' tight' : ''}`;
}
