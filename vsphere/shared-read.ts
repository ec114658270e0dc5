import { orAborted } from './abort.ts';

/**
 * For a read that many want at about the same time, and that is the same for all: one at a time, and those who come while it is under way
 * share the next. So nobody is told what was so before he asked.
 * @param read not under anybody's signal: it goes on for the others when one of them gives up
 */
export function shareReads<T>(read: () => Promise<T>): (signal: AbortSignal) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    next = undefined;
    const reading = read();
    last = reading;
    return reading;
  };
  return (signal) => {
    next ??= last.then(begin, begin);
    return orAborted(next, signal);
  };
}
