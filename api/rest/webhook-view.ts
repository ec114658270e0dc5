import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { Role } from '../../core/ports/jobs.ts';
import { EVENT_TYPES } from '../../core/events.ts';
import {
  type Delivery,
  DELIVERY_STATES,
  type DeliveryId,
  parseDeliveryId,
  RETRY_DELAYS_MS,
} from '../../core/webhook-delivery.ts';
import {
  DISABLED_REASONS,
  explainBadFilter,
  parseWebhookId,
  WEBHOOK_FORMATS,
  type WebhookEndpoint,
  type WebhookId,
} from '../../core/webhook.ts';
import { eventView } from './events.ts';

const types = Object.keys(EVENT_TYPES);
const MAX_URL = 2_000;
/** Everything that a filter may be. */
const FILTERS = new Set(['*', ...types.map((type) => `${type.split('.', 1)[0]}.*`), ...types]);

const eventTypes = z
  .array(
    z
      .string()
      .meta({ enum: [...FILTERS] })
      .superRefine((filter, context) => {
        const fault = explainBadFilter(filter, types);
        if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
      }),
  )
  .min(1)
  .max(100)
  .describe('Types of event (`/v1/event-types`), groups of them (`volume.*`), or `*`');
const settings = {
  url: z.string().max(MAX_URL).meta({
    pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@ ]',
    description: 'Where events go: https://, and an address that is allowed. Only admins see its path',
  }),
  eventTypes,
  description: z.string().max(500),
  format: z
    .enum(WEBHOOK_FORMATS)
    .describe('`standard`: the event as JSON. `cloudevents-binary`: CloudEvents 1.0, attributes in `ce-` headers'),
};

export const webhookBody = z.strictObject({
  url: settings.url,
  eventTypes: eventTypes.default(['*']),
  description: settings.description.default(''),
  format: settings.format.default('standard'),
});

export const webhookPatch = z.strictObject({
  ...z.object(settings).partial().shape,
  state: z.enum(['enabled', 'disabled']).optional(),
});

export const webhookView = z
  .object({
    id: z.string(),
    ...settings,
    eventTypes: z.array(z.string()),
    state: z.enum(['enabled', 'disabled']),
    disabledReason: z.enum(DISABLED_REASONS).optional().describe('`gone`: it answered 410. `failing`: for days'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    failingSince: z.iso.datetime().optional().describe('Since when every attempt has failed'),
    pausedUntil: z.iso.datetime().optional().describe('The receiver asked for this by Retry-After'),
    previousSecretUntil: z.iso
      .datetime()
      .optional()
      .describe('Until then the secret before the last rotation signs, too'),
    pending: z.int().describe('Deliveries that are not over'),
  })
  .meta({ id: 'Webhook' });
export const newWebhook = webhookView
  .extend({ secret: z.string().describe('Verifies signatures; shown this once') })
  .meta({ id: 'NewWebhook' });

/** Paths and queries of receivers' URLs often are their credentials: whoever may not change them does not see them. */
export function viewWebhook({ rev: _rev, ...endpoint }: WebhookEndpoint, role: Role): z.input<typeof webhookView> {
  const url = role === 'admin' ? endpoint.url : `${new URL(endpoint.url).origin}/…`;
  return { ...endpoint, url, eventTypes: [...endpoint.eventTypes] };
}

export function webhookTag({ rev }: WebhookEndpoint): string {
  return `"${rev}"`;
}

export const ifMatch = z.looseObject({
  'if-match': z
    .string()
    .max(1_000)
    .optional()
    .describe('The `ETag` that was read: 412 when it was changed since, or is none of this webhook'),
});

/** Of no webhook: they begin at 1. */
const NO_REV = 0;

/** The revision that a change is for, by RFC 9110, 13.1.1; undefined: any. */
export function expectedRev(header: string | undefined, now: WebhookEndpoint): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const isListed = header.split(',').some((tag) => tag.trim() === webhookTag(now));
  return isListed ? now.rev : NO_REV;
}

const attemptView = z.object({
  at: z.iso.datetime(),
  durationMs: z.int(),
  status: z.int().optional().describe('Absent when no answer came'),
  error: z.string().optional().describe('Why it does not count as delivered'),
  responseHeaders: z.record(z.string(), z.string()).optional(),
  responseBody: z.string().optional().describe('Its first 1,024 bytes'),
});
export const deliveryState = z.enum(DELIVERY_STATES);
export const deliveryView = z
  .object({
    id: z.string().describe('The `webhook-id` of every attempt'),
    webhook: z.string(),
    event: eventView,
    state: deliveryState,
    isTest: z.boolean(),
    createdAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    nextAttemptAt: z.iso.datetime().optional().describe('The earliest time of the next attempt'),
    attemptCount: z.int(),
    failures: z.int().describe(`Of the ${RETRY_DELAYS_MS.length + 1} attempts that it has, as many have been used`),
    attempts: z.array(attemptView).describe('The last ones, oldest first'),
  })
  .meta({ id: 'Delivery' });

export function viewDelivery(delivery: Delivery): z.input<typeof deliveryView> {
  return { ...delivery, attempts: [...delivery.attempts] };
}

export const idParams = z.object({ id: z.string().min(1).max(100) });

/** @throws StowageError `webhook-not-found` for what is no id */
export function webhookIdOf(text: string): WebhookId {
  const id = parseWebhookId(text);
  if (id === undefined) throw new StowageError('webhook-not-found', `there is no webhook ${text}`);
  return id;
}

/** @throws StowageError `delivery-not-found` for what is no id */
export function deliveryIdOf(text: string): DeliveryId {
  const id = parseDeliveryId(text);
  if (id === undefined) throw new StowageError('delivery-not-found', `there is no delivery ${text}`);
  return id;
}
