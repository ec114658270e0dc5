import { randomBytes as systemRandomBytes } from 'node:crypto';

/** Time, as an argument: `nowMs` is the wall clock (may jump), `monotonicMs` only measures spans. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** A source of chance: `size` bytes that nobody can guess. */
export type RandomBytes = (size: number) => Uint8Array;

export const randomBytes: RandomBytes = (size) => systemRandomBytes(size);
