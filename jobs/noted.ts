import { StowageError } from '../core/errors.ts';

/** A note that an earlier step has left for certain. @throws StowageError `internal-error` when the steps are in the wrong order */
export function noted<T>(value: T | undefined): T {
  if (value === undefined)
    throw new StowageError('internal-error', 'a step ran before the one that notes what it needs');
  return value;
}
