import { useRef } from 'preact/hooks';

/** The value, or the last one that was there: a list keeps its rows while those for another filter come. */
export function usePrevious<T>(value: T | undefined): T | undefined {
  const last = useRef<T>(undefined);
  if (value !== undefined) last.current = value;
  return value ?? last.current;
}
