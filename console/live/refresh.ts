import { useEffect } from 'preact/hooks';

/** Reads again by time, for what no event tells of (how far a job is). Not while the tab is hidden, nor without a time. */
export function useRefresh(refetch: () => void, everyMs: number | undefined): void {
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) refetch();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
