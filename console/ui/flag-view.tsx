import './flag-view.css';
import { Icon } from './icon.tsx';
import { Time } from './time.tsx';

/** What reconcile found amiss, twice or more often. */
export interface Flag {
  readonly reason: string;
  readonly passes: number;
  readonly since: string;
}

export function FlagView({ flag }: { readonly flag: Flag | undefined }) {
  if (flag === undefined) return null;
  return (
    <p class="flag" role="note">
      <Icon name="warning" />
      <span>
        Reconcile found it amiss: {flag.reason}. Seen {flag.passes} times, first <Time at={flag.since} />. Nothing is
        deleted because of it.
      </span>
    </p>
  );
}
