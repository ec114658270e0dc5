import type { StowageEvent } from './events.ts';
import type { WebhookId } from './webhook.ts';

declare const brand: unique symbol;
/** The `webhook-id` of every attempt: the same for one event and endpoint, whatever crashes, is sent again or replayed. */
export type DeliveryId = string & { readonly [brand]: 'DeliveryId' };

/** pending: goes on by itself. failed: out of attempts, or refused for good; a person may send it again. */
export const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface DeliveryAttempt {
  readonly at: string;
  readonly durationMs: number;
  /** Absent when no answer came. */
  readonly status?: number;
  /** Why it did not count as delivered. */
  readonly error?: string;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  /** The beginning of it. */
  readonly responseBody?: string;
}

export interface Delivery {
  readonly id: DeliveryId;
  readonly webhook: WebhookId;
  readonly event: StowageEvent;
  readonly state: DeliveryState;
  readonly createdAt: string;
  readonly endedAt?: string;
  /** Only while it is pending. It may come later: while an earlier one of its subject is under way, or the endpoint is paused or disabled. */
  readonly nextAttemptAt?: string;
  /** All attempts so far, also those of which only the last ones are kept in `attempts`. */
  readonly attemptCount: number;
  /** Attempts since it was last (re)started: what the schedule counts. */
  readonly failures: number;
  /** A test: one attempt, ahead of everything else. */
  readonly isTest: boolean;
  readonly attempts: readonly DeliveryAttempt[];
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DELIVERY_ID = /^msg_[0-9a-hjkmnp-tv-z]{26}$/;

/** Standard Webhooks' schedule: how long after the nth failure the next attempt follows. After the last one there is none. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
/** A tenth more or less, so that what failed together does not come back together. */
const JITTER = 0.1;
const MAX_RETRY_AFTER_MS = 24 * HOUR;

/** For so many failures the later deliveries of the same subject wait; then they overtake it. */
export const ORDERED_FAILURES = 3;
/** Attempts that a delivery keeps. */
export const MAX_ATTEMPTS_KEPT = 12;
/** Deliveries that are over, kept for each endpoint. */
export const MAX_DELIVERIES_KEPT = 1_000;
/** An endpoint at which every attempt has failed for so long is disabled. */
export const DISABLE_AFTER_MS = 5 * 24 * HOUR;

export function parseDeliveryId(text: string): DeliveryId | undefined {
  return DELIVERY_ID.test(text) ? (text as DeliveryId) : undefined;
}

/** @param sortable 26 characters that sort by the event's time and follow from event and endpoint */
export function newDeliveryId(sortable: string): DeliveryId {
  return `msg_${sortable}` as DeliveryId;
}

/**
 * When to try again after so many failures; undefined: not any more. What the receiver asked for by Retry-After is waited for at least.
 *
 * @param chance from 0 up to 1
 */
export function nextAttemptMs(after: {
  readonly failures: number;
  readonly nowMs: number;
  readonly retryAfterMs?: number | undefined;
  readonly chance: number;
}): number | undefined {
  const delayMs = RETRY_DELAYS_MS[after.failures - 1];
  if (delayMs === undefined) return undefined;
  const jittered = Math.round(delayMs * (1 + JITTER * (2 * after.chance - 1)));
  return after.nowMs + Math.max(jittered, Math.min(after.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** RFC 9110, 10.2.3: seconds, or a date. undefined: neither. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(text)) return Number(text) * SECOND;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
