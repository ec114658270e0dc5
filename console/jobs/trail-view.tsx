import './trail-view.css';
import type { TrailItem } from '../api/job.ts';
import { formatClock, formatExact } from '../ui/time.tsx';
import { Empty } from '../ui/problem-view.tsx';

/** Of data, what is worth a line. */
const SHORT = 400;

/** Events and log lines of a job, as they came. What takes time is above, in the waterfall. */
export function TrailView({ items }: { readonly items: readonly TrailItem[] }) {
  const lines = items.filter(({ type }) => type === 'event' || type === 'log');
  if (lines.length === 0) return <Empty title="Nothing was kept of it" />;
  return (
    <ol class="trail" tabIndex={0} aria-label="Events and log lines">
      {lines.map((item, at) => (
        // Lines of one millisecond are told apart by their place alone.
        <li key={`${item.at} ${at}`}>
          <time dateTime={item.at} title={formatExact(item.at)}>
            {formatClock(item.at)}
          </time>
          <span class="muted">{item.type}</span>
          <span>
            <span class={item.level ?? ''}>{item.name}</span> <Data value={item.data} />
          </span>
        </li>
      ))}
    </ol>
  );
}

function Data({ value }: { readonly value: unknown }) {
  if (value === undefined || value === null) return null;
  const text = JSON.stringify(value);
  if (text === '{}') return null;
  if (text.length <= SHORT) return <code class="muted">{text}</code>;
  return (
    <details>
      <summary>{text.length} characters of data</summary>
      <code>{text}</code>
    </details>
  );
}
