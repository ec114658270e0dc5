import { useMemo } from 'preact/hooks';
import { useRoute } from 'preact-iso/router';
import type { Page as PageOf } from '../api/client.ts';
import type { Host } from '../api/host.ts';
import type { RecoveredContainer, RecoveryStory } from '../api/recovery.ts';
import { JobLink } from '../jobs/job-link.tsx';
import { about, useQuery } from '../live/query.ts';
import { StateBadge } from '../ui/badge.tsx';
import { Facts, Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { Elapsed, Time } from '../ui/time.tsx';
import { TimelineView } from './timeline-view.tsx';

const parent = { href: '/console/recoveries', title: 'Recoveries' };

/** A host's loss as a story: what happened to each container, and when. */
export function RecoveryPage() {
  const id = useRoute().params['id'] ?? '';
  const query = useQuery<RecoveryStory>(`/v1/recoveries/${encodeURIComponent(id)}`, about('job', 'container'));
  const hosts = useQuery<PageOf<Host>>('/v1/hosts?limit=200', about('host')).data?.items ?? [];
  const names = useMemo(() => new Map(hosts.map(({ ref, name }) => [ref, name])), [hosts]);
  const story = query.data;
  if (story === undefined) {
    return (
      <Page title="Recovery" parent={parent}>
        {query.problem === undefined ? <Loading /> : <ProblemView problem={query.problem} onRetry={query.refetch} />}
      </Page>
    );
  }
  const beginning = story.detectedAt ?? story.startedAt;
  return (
    <Page title={`Recovery of ${story.host}`} parent={parent} badge={<StateBadge state={story.state} />}>
      <Facts
        facts={[
          [
            'Host',
            <a key="host" href={`/console/hosts/${encodeURIComponent(story.host)}`}>
              {story.host}
            </a>,
          ],
          ['Seen to be lost', beginning !== null && <Time at={beginning} />],
          ['Began', story.startedAt !== null && <Time at={story.startedAt} />],
          ['Took', story.startedAt !== null && <Elapsed from={story.startedAt} to={story.finishedAt} />],
          ['Recovered', story.recovered ?? countOf(story, ['rehomed', 'restarted-by-ha'])],
          ['Lost', story.lost ?? countOf(story, ['lost'])],
          ['Untouched', story.unchanged],
          ['Job', <JobLink key="job" id={story.id} />],
        ]}
      />
      <Panel title={`Containers (${story.containers.length})`} isFlush>
        {story.containers.length === 0 ? (
          <Empty title={story.finishedAt === null ? 'It is looked at who was on the host' : 'None was on the host'} />
        ) : (
          <ol class="recovered">
            {story.containers.map((container) => (
              <li key={container.id}>
                <Recovered container={container} story={story} names={names} />
              </li>
            ))}
          </ol>
        )}
      </Panel>
    </Page>
  );
}

function countOf({ containers }: RecoveryStory, outcomes: readonly string[]): number {
  return containers.filter(({ outcome }) => outcomes.includes(outcome)).length;
}

interface RecoveredProps {
  readonly container: RecoveredContainer;
  readonly story: RecoveryStory;
  /** Of hosts, by moref. */
  readonly names: ReadonlyMap<string, string>;
}

function Recovered({ container, story, names }: RecoveredProps) {
  const { id, name, job, outcome, host, reason, message, timeline } = container;
  return (
    <>
      <div class="row">
        <a class="row-link" href={`/console/containers/${id}`}>
          {name}
        </a>
        <Outcome outcome={outcome} />
        {host !== undefined && <span class="muted">on {names.get(host) ?? host}</span>}
        <span class="muted">
          job <JobLink id={job} />
        </span>
      </div>
      {message !== undefined && (
        <p class="muted">
          <code>{reason}</code> {message}
        </p>
      )}
      <TimelineView timeline={timeline} from={story.detectedAt ?? story.startedAt} label={`Recovery of ${name}`} />
    </>
  );
}

function Outcome({ outcome }: { readonly outcome: string }) {
  switch (outcome) {
    case 'rehomed':
      return <StateBadge state="succeeded" words="started elsewhere" />;
    case 'restarted-by-ha':
      return <StateBadge state="succeeded" words="restarted by vSphere HA" />;
    case 'unchanged':
      return <StateBadge state="succeeded" words="left as it was" />;
    case 'waiting':
      return <StateBadge state="recovering" words="under way" />;
    case 'lost':
      return <StateBadge state="dead" words="lost" />;
    default:
      return <StateBadge state={outcome} />;
  }
}
