import type { EventType } from './events.ts';

// Webhooks by Standard Webhooks (https://www.standardwebhooks.com): an endpoint is where events are sent; a delivery is one event for one
// endpoint (webhook-delivery.ts).

declare const brand: unique symbol;
export type WebhookId = string & { readonly [brand]: 'WebhookId' };

/** standard: the event as JSON. cloudevents-binary: CloudEvents 1.0, attributes as `ce-` headers and the event's data as the body. */
export const WEBHOOK_FORMATS = ['standard', 'cloudevents-binary'] as const;
export type WebhookFormat = (typeof WEBHOOK_FORMATS)[number];

/** person: somebody switched it off. gone: it answered 410. failing: for days nothing was delivered. */
export const DISABLED_REASONS = ['person', 'gone', 'failing'] as const;
export type DisabledReason = (typeof DISABLED_REASONS)[number];

/** What people set. */
export interface WebhookSettings {
  readonly url: string;
  /** Types, `volume.*`, or `*`; never empty. */
  readonly eventTypes: readonly string[];
  readonly description: string;
  readonly format: WebhookFormat;
}

export interface WebhookEndpoint extends WebhookSettings {
  readonly id: WebhookId;
  /** 1 after it was made, one more after each change that a person or the relay made. */
  readonly rev: number;
  readonly state: 'enabled' | 'disabled';
  readonly disabledReason?: DisabledReason;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Since when every attempt has failed; absent after one that succeeded. */
  readonly failingSince?: string;
  /** Nothing is sent before: the receiver asked for that by Retry-After. */
  readonly pausedUntil?: string;
  /** Until when the secret before the last rotation is signed with, too. */
  readonly previousSecretUntil?: string;
  /** Deliveries that are not over. */
  readonly pending: number;
}

/** `whsec_` and base64 of 24 to 64 bytes. They are kept as they are: signing needs them. */
export interface WebhookSecrets {
  readonly current: string;
  readonly previous?: { readonly secret: string; readonly untilMs: number };
}

/** So many there may be: each is asked for what is due several times a second. */
export const MAX_WEBHOOKS = 200;
export const ROTATION_OVERLAP_MS = 24 * 3_600_000;
const SECRET_BYTES = 32;
const SECRET_PREFIX = 'whsec_';
const WEBHOOK_ID = /^wh_[0-9a-hjkmnp-tv-z]{26}$/;

export function parseWebhookId(text: string): WebhookId | undefined {
  return WEBHOOK_ID.test(text) ? (text as WebhookId) : undefined;
}

/** @param sortable 26 characters that sort by time, as a job's id */
export function newWebhookId(sortable: string): WebhookId {
  return `wh_${sortable}` as WebhookId;
}

export function newWebhookSecret(randomBytes: (size: number) => Uint8Array): string {
  return `${SECRET_PREFIX}${Buffer.from(randomBytes(SECRET_BYTES)).toString('base64')}`;
}

/** The bytes that sign. */
export function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
}

/** During the overlap of a rotation both secrets sign, so that a receiver that knows either can verify. */
export function activeSecrets(secrets: WebhookSecrets, nowMs: number): readonly string[] {
  const { current, previous } = secrets;
  return previous !== undefined && previous.untilMs > nowMs ? [current, previous.secret] : [current];
}

export function wantsEvent(filters: readonly string[], type: EventType): boolean {
  return filters.some((filter) => filter === '*' || filter === type || isInGroup(filter, type));
}

function isInGroup(filter: string, type: string): boolean {
  return filter.endsWith('.*') && type.startsWith(filter.slice(0, -1));
}

/** @param types every type of event there is */
export function explainBadFilter(filter: string, types: readonly string[]): string | undefined {
  if (filter === '*' || types.includes(filter) || types.some((type) => isInGroup(filter, type))) return undefined;
  return `"${filter}" is no type of event, nor a group of them such as "volume.*"; see /v1/event-types`;
}
