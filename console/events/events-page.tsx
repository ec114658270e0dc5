import './events-page.css';
import { useMemo } from 'preact/hooks';
import { type Page as PageOf, withQuery } from '../api/client.ts';
import type { StowageEvent } from '../api/event.ts';
import type { EventType } from '../api/webhook.ts';
import { useQuery } from '../live/query.ts';
import { ChoiceFilter, TextFilter } from '../ui/filter-fields.tsx';
import { useFilters } from '../ui/filters.ts';
import { Json, Page, Panel } from '../ui/page.tsx';
import { Paging } from '../ui/paging.tsx';
import { usePrevious } from '../ui/previous.ts';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { EventsTable } from './events-table.tsx';

export function EventsPage() {
  const { values, set, clear } = useFilters();
  const { type = '', subject = '', cursor } = values;
  const path = useMemo(() => withQuery('/v1/events', { limit: 50, type, subject, cursor }), [type, subject, cursor]);
  const isNewest = cursor === undefined;
  const query = useQuery<PageOf<StowageEvent>>(
    path,
    (event) => isNewest && (type === '' || event.type === type) && (subject === '' || event.subject === subject),
  );
  const types = useQuery<{ readonly items: readonly EventType[] }>('/v1/event-types').data?.items ?? [];
  const chosen = types.find((each) => each.type === type);
  const shown = usePrevious(query.data);
  return (
    <Page title="Events">
      <p class="muted">
        What happened, as webhooks and <code>GET /v1/events</code> tell it. The list goes on by itself.
      </p>
      <div class="filters" role="search" aria-label="Filter the list">
        <ChoiceFilter
          label="Type"
          value={type}
          choices={[['', 'All types'], ...types.map((each) => [each.type, each.type] as const)]}
          onChange={(text) => set({ type: text })}
        />
        <TextFilter
          label="Subject"
          value={subject}
          placeholder="volume:demo_vol"
          onChange={(text) => set({ subject: text })}
        />
        {(type !== '' || subject !== '') && (
          <button type="button" class="button bare" onClick={clear}>
            Clear
          </button>
        )}
      </div>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      {chosen !== undefined && (
        <details class="about-type">
          <summary>{chosen.description}</summary>
          <Json value={chosen.schema} label={`JSON schema of the data of ${chosen.type}`} />
        </details>
      )}
      <Panel title="Newest first" isFlush>
        {shown === undefined && query.problem === undefined && <Loading />}
        {shown?.items.length === 0 && <Empty title="No such event is kept" />}
        {shown !== undefined && shown.items.length > 0 && (
          <EventsTable events={shown.items} isStale={query.data === undefined} />
        )}
      </Panel>
      <Paging next={shown?.next} count={shown?.items.length ?? 0} />
    </Page>
  );
}
