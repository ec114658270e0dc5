import './badge.css';
import { Icon, type IconName } from './icon.tsx';

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet';

interface Look {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly words?: string;
}

const good: Look = { tone: 'good', icon: 'check' };
const busy: Look = { tone: 'busy', icon: 'run' };
const bad: Look = { tone: 'bad', icon: 'stop' };
const quiet: Look = { tone: 'quiet', icon: 'dash' };

/** The states of everything. A state that is not here is shown by its word, without a colour. */
const LOOKS: Readonly<Record<string, Look>> = {
  // Jobs, steps, attempts
  waiting: { tone: 'quiet', icon: 'clock' },
  pending: { tone: 'quiet', icon: 'clock' },
  awaiting: { tone: 'quiet', icon: 'clock' },
  running: busy,
  succeeded: good,
  done: good,
  success: good,
  skipped: { tone: 'quiet', icon: 'check' },
  undone: { tone: 'quiet', icon: 'redrive' },
  dead: bad,
  failed: { tone: 'quiet', icon: 'cross' },
  error: bad,
  retry: { tone: 'warn', icon: 'redrive' },
  lost: { tone: 'warn', icon: 'warning' },
  displaced: { tone: 'quiet', icon: 'redrive' },
  cancelled: quiet,
  unknown: { tone: 'warn', icon: 'warning' },
  // Volumes, images, containers
  creating: busy,
  available: good,
  attaching: busy,
  'in-use': { tone: 'good', icon: 'dot' },
  detaching: busy,
  expanding: busy,
  deleting: busy,
  deleted: quiet,
  pulling: busy,
  created: quiet,
  starting: busy,
  stopping: busy,
  paused: { tone: 'quiet', icon: 'pause' },
  exited: { tone: 'quiet', icon: 'off' },
  recovering: { tone: 'warn', icon: 'run' },
  removing: busy,
  removed: quiet,
  // Hosts
  connected: good,
  disconnected: { tone: 'warn', icon: 'warning' },
  'not-responding': { tone: 'bad', icon: 'stop', words: 'not responding' },
  maintenance: { tone: 'quiet', icon: 'pause' },
  // Webhooks, deliveries, audit, checks
  enabled: good,
  disabled: { tone: 'warn', icon: 'off' },
  delivered: good,
  refused: { tone: 'warn', icon: 'cross' },
  ok: good,
  warning: { tone: 'warn', icon: 'warning' },
};

interface StateBadgeProps {
  readonly state: string;
  /** Where a state is good or bad news only in its place: a running container is no work under way. */
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly words?: string;
}

export function lookOf(state: string): Look {
  return LOOKS[state] ?? { tone: 'quiet', icon: 'dot' };
}

/** A state by shape, colour and word. */
export function StateBadge({ state, ...own }: StateBadgeProps) {
  const look = { ...lookOf(state), ...own };
  return (
    <span class={`badge ${look.tone}${look.icon === 'run' ? '' : ' still'}`}>
      <Icon name={look.icon} size={12} />
      {look.words ?? state}
    </span>
  );
}

/** A number beside a name. */
export function Count({
  value,
  isBad = false,
  label,
}: {
  readonly value: number;
  readonly isBad?: boolean;
  readonly label: string;
}) {
  return (
    <span class={`count${isBad ? ' bad' : ''}`}>
      {value.toLocaleString('en')}
      <span class="hidden-visually"> {label}</span>
    </span>
  );
}
