import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { signOut } from '../session/sign.ts';
import { sessionView } from '../session/session.ts';
import { problemOfThrown } from '../api/problem.ts';
import { Icon } from '../ui/icon.tsx';
import { tell } from '../ui/toast.tsx';

/** Who one is here, and the way out. */
export function SessionMenu() {
  const view = sessionView.value;
  const { url } = useLocation();
  const ref = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (): void => ref.current?.removeAttribute('open');
    close();
    const onClick = (event: MouseEvent): void => {
      if (event.target instanceof Node && ref.current?.contains(event.target) === false) close();
    };
    document.addEventListener('click', onClick);
    return () => document.removeEventListener('click', onClick);
  }, [url]);
  if (view === undefined) return null;
  return (
    <details
      class="session-menu"
      ref={ref}
      onKeyDown={(event) => {
        if (event.key === 'Escape') ref.current?.removeAttribute('open');
      }}
    >
      <summary class="button bare" aria-label={`You are ${view.actor}, with the role ${view.role}`}>
        <Icon name="user" />
        <span class="who">{view.actor}</span>
      </summary>
      <div class="menu">
        <p>
          <strong class="anywhere">{view.actor}</strong>
          <br />
          <span class="muted">Role: {view.role}</span>
        </p>
        <button
          type="button"
          class="button"
          onClick={() =>
            void signOut().catch((error: unknown) => tell(problemOfThrown(error).message, { isBad: true }))
          }
        >
          <Icon name="out" size={14} />
          Sign out
        </button>
      </div>
    </details>
  );
}
