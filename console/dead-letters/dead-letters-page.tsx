import './dead-letters.css';
import '../jobs/jobs.css';
import { useMemo, useState } from 'preact/hooks';
import { withQuery } from '../api/client.ts';
import type { DeadFilter, DeadGroup, DeadGroups } from '../api/dead-letter.ts';
import { sinceOf, SPANS } from '../jobs/spans.ts';
import { useQuery } from '../live/query.ts';
import { hasRole } from '../session/session.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ChoiceFilter, TextFilter } from '../ui/filter-fields.tsx';
import { type Filters, useFilters } from '../ui/filters.ts';
import { Page, Panel } from '../ui/page.tsx';
import { Paging } from '../ui/paging.tsx';
import { usePrevious } from '../ui/previous.ts';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';
import { BulkDialog } from './bulk-dialog.tsx';
import { Runs } from './runs.tsx';
import { filtersOf, keyOf } from './selection.ts';

const TOUCHES = ['job.dead', 'job.redriven', 'job.discarded'];

export function DeadLettersPage() {
  const filters = useFilters();
  const { values } = filters;
  const since = useMemo(() => sinceOf(values['since'], Date.now()), [values['since']]);
  const wanted = given({ kind: values['kind'], code: values['code'], since });
  const query = useQuery<DeadGroups>(
    withQuery('/v1/dead-letters/groups', { limit: 50, ...wanted, cursor: values['cursor'] }),
    ({ type }) => TOUCHES.includes(type),
  );
  const shown = usePrevious(query.data);
  return (
    <Page title="Dead letters">
      <p class="muted">
        Jobs that failed for good and wait for a person, by what they failed of. A redrive runs them again; a discard
        gives them up.
      </p>
      <GroupFilters filters={filters} />
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Runs />
      {shown === undefined ? (
        query.problem === undefined && <Loading />
      ) : (
        <Groups groups={shown} filter={wanted} isStale={query.data === undefined} filters={filters} />
      )}
      <Paging next={shown?.next} count={shown?.items.length ?? 0} />
    </Page>
  );
}

function GroupFilters({ filters: { values, set, clear } }: { readonly filters: Filters }) {
  const isFiltered = Object.keys(values).some((name) => name !== 'cursor');
  return (
    <div class="filters" role="search" aria-label="Filter the groups">
      <TextFilter
        label="Kind"
        value={values['kind'] ?? ''}
        placeholder="volume.attach"
        onChange={(kind) => set({ kind })}
      />
      <TextFilter
        label="Error code"
        value={values['code'] ?? ''}
        placeholder="machine-not-found"
        onChange={(code) => set({ code })}
      />
      <ChoiceFilter label="Died" value={values['since'] ?? ''} choices={SPANS} onChange={(since) => set({ since })} />
      {isFiltered && (
        <button type="button" class="button bare" onClick={clear}>
          Clear
        </button>
      )}
    </div>
  );
}

interface GroupsProps {
  readonly groups: DeadGroups;
  /** What the page shows: what is taken when no group is chosen. */
  readonly filter: DeadFilter;
  readonly isStale: boolean;
  readonly filters: Filters;
}

function Groups({ groups: { items, total }, filter, isStale, filters }: GroupsProps) {
  const [chosenKeys, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [verb, setVerb] = useState<'redrive' | 'discard'>();
  const chosen = items.filter((group) => chosenKeys.has(keyOf(group)));
  const toggle = (group: DeadGroup): void => {
    const next = new Set(chosenKeys);
    if (!next.delete(keyOf(group))) next.add(keyOf(group));
    setChosen(next);
  };
  if (items.length === 0) return <Nothing filters={filters} />;

  const count = chosen.reduce((sum, group) => sum + group.count, 0);
  const isAll = chosen.length === items.length;
  const ask = (next: 'redrive' | 'discard') => async (): Promise<undefined> => {
    setVerb(next);
    return undefined;
  };
  const which = chosen.length === 0 ? 'all that match' : 'the chosen';
  return (
    <div class="dead-groups stack">
      <div class="dead-toolbar" role="group" aria-label="What to do with them">
        <label class="row">
          <input type="checkbox" checked={isAll} onChange={() => setChosen(new Set(isAll ? [] : items.map(keyOf)))} />
          All on this page
        </label>
        <span class="muted" role="status">
          {chosen.length === 0
            ? `${total.toLocaleString('en')} groups`
            : `${chosen.length} of ${total.toLocaleString('en')} groups chosen, ${count.toLocaleString('en')} dead letters`}
        </span>
        <ActionButton label={`Redrive ${which}…`} icon="redrive" isPrimary run={ask('redrive')} />
        <ActionButton label={`Discard ${which}…`} icon="trash" isDanger run={ask('discard')} />
      </div>
      <Panel title="By cause, those seen last first" isFlush>
        <Table
          label="Groups of dead letters"
          items={items}
          columns={columnsOf(chosenKeys, toggle)}
          keyOf={keyOf}
          isStale={isStale}
        />
      </Panel>
      {verb !== undefined && (
        <BulkDialog
          verb={verb}
          filters={chosen.length === 0 ? [filter] : filtersOf(chosen)}
          onClose={() => setVerb(undefined)}
          onDone={() => {
            setVerb(undefined);
            setChosen(new Set());
          }}
        />
      )}
    </div>
  );
}

function Nothing({ filters }: { readonly filters: Filters }) {
  if (Object.keys(filters.values).length === 0) {
    return (
      <Empty title="No dead letters">
        <p>Every job came to its end, or is being tried again.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No dead letter matches">
      <button type="button" class="button" onClick={filters.clear}>
        Show all of them
      </button>
    </Empty>
  );
}

function columnsOf(chosen: ReadonlySet<string>, toggle: (group: DeadGroup) => void): readonly Column<DeadGroup>[] {
  return [
    {
      title: 'Cause',
      cell: (group) => (
        <div class="cause">
          {hasRole('operator') && (
            <input
              type="checkbox"
              checked={chosen.has(keyOf(group))}
              aria-label={`Choose the ${group.count} of ${group.kind} with ${group.code}`}
              onChange={() => toggle(group)}
            />
          )}
          <div>
            <a
              class="row-link"
              href={withQuery('/console/jobs', { state: 'dead', kind: group.kind, fingerprint: group.fingerprint })}
            >
              {group.kind} <span class="mono">{group.code}</span>
            </a>
            <p class="trouble" title={group.message}>
              {group.message}
            </p>
          </div>
        </div>
      ),
    },
    { title: 'Dead letters', isNumber: true, isTight: true, cell: ({ count }) => count.toLocaleString('en') },
    { title: 'In step', cell: ({ step }) => step },
    { title: 'First seen', isTight: true, cell: ({ firstSeenAt }) => <Time at={firstSeenAt} /> },
    { title: 'Last seen', isTight: true, cell: ({ lastSeenAt }) => <Time at={lastSeenAt} /> },
    {
      title: 'Look at',
      isTight: true,
      cell: ({ oldestJob, newestJob }) => (
        <>
          <a href={`/console/jobs/${newestJob}`}>the newest</a>
          {oldestJob !== newestJob && (
            <>
              {', '}
              <a href={`/console/jobs/${oldestJob}`}>the oldest</a>
            </>
          )}
        </>
      ),
    },
  ];
}

type GroupFilter = Pick<DeadFilter, 'kind' | 'code' | 'since'>;

function given(filter: { readonly [Name in keyof GroupFilter]: GroupFilter[Name] | undefined }): GroupFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined && value !== ''));
}
