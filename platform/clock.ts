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

/** So many are asked of the system at once: to ask costs more than the bytes do. */
const POOL_BYTES = 4_096;
let pool = new Uint8Array(0);

/** What was given out is not kept. */
export const randomBytes: RandomBytes = (size) => {
  if (size > POOL_BYTES / 16) return systemRandomBytes(size);
  if (pool.length < size) pool = new Uint8Array(systemRandomBytes(POOL_BYTES));
  const bytes = pool.slice(0, size);
  pool.fill(0, 0, size);
  pool = pool.subarray(size);
  return bytes;
};
