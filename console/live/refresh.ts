import { useEffect, useRef } from 'preact/hooks';

/** Reads again by time, for what no event tells of (how far a job is). Not while the tab is hidden, nor without a time. */
export function useRefresh(refetch: () => void, everyMs: number | undefined): void {
  // That of the last rendering: what is shown may have changed since the timer began.
  const last = useRef(refetch);
  last.current = refetch;
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) last.current();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
