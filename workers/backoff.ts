import type { Retry } from '../jobs/define.ts';

/**
 * Exponential, with full jitter above half: the wait before the next attempt lies between a half and the whole of
 * base × 2^failures, capped. @param random 0 to 1
 */
export function backoffMs(retry: Retry, failures: number, random: number): number {
  const whole = Math.min(retry.capMs, retry.baseMs * 2 ** Math.min(failures, 30));
  return Math.round(whole / 2 + (whole / 2) * random);
}
