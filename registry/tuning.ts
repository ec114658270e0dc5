import type { RandomBytes } from '../platform/clock.ts';

export interface RegistryTuning {
  readonly connectTimeoutMs: number;
  /** Until the head of an answer. */
  readonly answerTimeoutMs: number;
  /** Between any two pieces of a body, while somebody reads it. */
  readonly stallTimeoutMs: number;
  /** How often a blob may break in a row with no byte between. */
  readonly maxBreaks: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A registry that asks for more than this is not waited for. */
  readonly maxRetryAfterMs: number;
}

export const DEFAULT_TUNING: RegistryTuning = {
  connectTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  stallTimeoutMs: 30_000,
  maxBreaks: 5,
  backoffBaseMs: 500,
  backoffMaxMs: 10_000,
  maxRetryAfterMs: 10_000,
};

/** Doubles with each attempt; the upper half of it is left to chance. */
export function backoffMs(
  attempt: number,
  { tuning, random }: { readonly tuning: RegistryTuning; readonly random: RandomBytes },
): number {
  const fullMs = Math.min(tuning.backoffMaxMs, tuning.backoffBaseMs * 2 ** attempt);
  const [byte = 0] = random(1);
  return Math.round(fullMs * (0.5 + byte / 512));
}
