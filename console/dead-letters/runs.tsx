import { request } from '../api/client.ts';
import type { Page as PageOf } from '../api/client.ts';
import { isOver, type Job } from '../api/job.ts';
import { about, useQuery } from '../live/query.ts';
import { useRefresh } from '../live/refresh.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { StateBadge } from '../ui/badge.tsx';
import { Panel } from '../ui/page.tsx';
import { Elapsed, Time } from '../ui/time.tsx';

const PROGRESS_MS = 1_000;
/** Of those that are over. */
const SHOWN = 4;

/** The bulk jobs: those under way, and what came of the last ones. */
export function Runs() {
  const touches = about('job');
  const redrives = useQuery<PageOf<Job>>('/v1/jobs?kind=dead.redrive&limit=10', touches);
  const discards = useQuery<PageOf<Job>>('/v1/jobs?kind=dead.discard&limit=10', touches);
  const all = [...(redrives.data?.items ?? []), ...(discards.data?.items ?? [])].sort((a, b) =>
    b.createdAt.localeCompare(a.createdAt),
  );
  const open = all.filter(({ state }) => !isOver(state));
  const shown = [...open, ...all.filter(({ state }) => isOver(state)).slice(0, SHOWN)];
  if (shown.length === 0) return null;
  return (
    <Panel title="Redrives and discards of many" isFlush>
      <ul class="runs">
        {shown.map((job) => (
          <li key={job.id}>
            <Run job={job} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Run({ job: known }: { readonly job: Job }) {
  const isOpen = !isOver(known.state);
  // A list does not tell how far its jobs are.
  const query = useQuery<Job>(isOpen ? `/v1/jobs/${known.id}` : undefined, about(`job:${known.id}`));
  useRefresh(query.refetch, isOpen ? PROGRESS_MS : undefined);
  const job = isOpen ? (query.data ?? known) : known;
  return (
    <div class="run">
      <div class="words">
        <a class="row-link" href={`/console/jobs/${job.id}`}>
          {job.kind === 'dead.redrive' ? 'Redrive' : 'Discard'}
        </a>
        {typeof job.result?.['stopped'] === 'string' ? (
          <StateBadge state="warning" words="stopped itself" />
        ) : (
          <StateBadge state={job.state} />
        )}
        <span>{wordsOf(job)}</span>
        <span class="muted">
          by {job.actor}, <Time at={job.createdAt} />
          {job.startedAt !== null && (
            <>
              , took <Elapsed from={job.startedAt} to={job.finishedAt} />
            </>
          )}
        </span>
      </div>
      {!isOver(job.state) && (
        <ActionButton
          label="Stop"
          icon="pause"
          unless={job.cancelRequestedBy === undefined ? undefined : 'It stops after the one it is at.'}
          run={async () => {
            await request('POST', `/v1/jobs/${job.id}/cancel`);
            return 'It stops. What it has put back goes on; the rest stays among the dead letters.';
          }}
        />
      )}
      {job.progress?.total !== undefined && (
        <progress max={job.progress.total} value={job.progress.current} aria-label="How far it is" />
      )}
    </div>
  );
}

function wordsOf(job: Job): string {
  const number = (name: string): string | undefined => {
    const value = job.result?.[name] ?? job.notes[name];
    return typeof value === 'number' ? value.toLocaleString('en') : undefined;
  };
  if (job.progress !== undefined && !isOver(job.state)) {
    const { current, total } = job.progress;
    return `${current.toLocaleString('en')}${total === undefined ? '' : ` of ${total.toLocaleString('en')}`}`;
  }
  const done = number('redriven') ?? number('discarded') ?? number('settled');
  const matched = number('matched');
  const again = number('failedAgain') ?? number('deadAgain');
  const stopped = job.result?.['stopped'];
  return [
    done !== undefined && `${done}${matched === undefined ? '' : ` of ${matched}`}`,
    stopped === undefined && again !== undefined && again !== '0' && `${again} dead again`,
    typeof stopped === 'string' && stopped,
  ]
    .filter((part) => part !== false)
    .join('; ');
}
