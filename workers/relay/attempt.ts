import type { AttemptOutcome, Settlement, SigningEndpoint } from '../../core/ports/webhooks.ts';
import {
  type Delivery,
  type DeliveryAttempt,
  nextAttemptMs,
  ORDERED_FAILURES,
  parseRetryAfter,
} from '../../core/webhook-delivery.ts';
import type { Clock } from '../../platform/clock.ts';
import { messageOf } from './message.ts';
import type { WebhookAnswer, WebhookSender } from './sender.ts';

export interface AttemptParts {
  readonly sender: WebhookSender;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly chance: () => number;
}

const GONE = 410;
/** The receiver, or what stands before it, has too much to do. */
const OVERLOADED: readonly number[] = [429, 502, 503, 504];
const MAX_PAUSE_MS = 3_600_000;

/** Sends a delivery once. undefined: the signal fired, so what became of it is not known, and it is sent again. */
export async function attemptDelivery(
  parts: AttemptParts,
  task: { readonly endpoint: SigningEndpoint; readonly delivery: Delivery },
  signal: AbortSignal,
): Promise<Settlement | undefined> {
  const { sender, clock } = parts;
  const { endpoint, delivery } = task;
  const startedMs = clock.nowMs();
  const begunMs = clock.monotonicMs();
  const answer = await sender.send(endpoint.url, messageOf(endpoint, delivery, startedMs), signal);
  if (signal.aborted && answer.error !== undefined) return undefined;
  const attempt: DeliveryAttempt = {
    at: new Date(startedMs).toISOString(),
    durationMs: Math.round(clock.monotonicMs() - begunMs),
    ...(answer.status === undefined ? {} : { status: answer.status }),
    ...errorOf(answer),
    ...(answer.headers === undefined ? {} : { responseHeaders: answer.headers }),
    ...(answer.body === undefined ? {} : { responseBody: answer.body }),
  };
  const nowMs = clock.nowMs();
  const retryAfterMs = parseRetryAfter(answer.headers?.['retry-after'], nowMs);
  const isOverloaded = answer.status !== undefined && OVERLOADED.includes(answer.status);
  return {
    attempt,
    outcome: outcomeOf(delivery, attempt, { nowMs, retryAfterMs, chance: parts.chance() }),
    ...(isOverloaded && retryAfterMs !== undefined
      ? { pauseUntilMs: nowMs + Math.min(retryAfterMs, MAX_PAUSE_MS) }
      : {}),
  };
}

/** Only a whole answer with a status of success counts: who broke off in the middle of one may have lost the event. */
function errorOf({ status, error }: WebhookAnswer): { readonly error?: string } {
  if (error !== undefined) return { error };
  if (status !== undefined && status >= 200 && status < 300) return {};
  if (status !== undefined && status >= 300 && status < 400) return { error: `${status}: redirects are not followed` };
  return { error: `the receiver answered ${status}` };
}

function outcomeOf(
  delivery: Delivery,
  attempt: DeliveryAttempt,
  next: { readonly nowMs: number; readonly retryAfterMs: number | undefined; readonly chance: number },
): AttemptOutcome {
  if (attempt.error === undefined) return { outcome: 'delivered' };
  if (attempt.status === GONE) return { outcome: 'failed', disables: true };
  const failures = delivery.failures + 1;
  const at = delivery.isTest ? undefined : nextAttemptMs({ ...next, failures });
  if (at === undefined) return { outcome: 'failed', disables: false };
  return { outcome: 'retry', nextAttemptMs: at, stepsAside: failures >= ORDERED_FAILURES };
}
