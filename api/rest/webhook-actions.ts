import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { StowageEvent } from '../../core/events.ts';
import { newJobId } from '../../core/ids.ts';
import { newDeliveryId } from '../../core/webhook-delivery.ts';
import { newWebhookSecret, ROTATION_OVERLAP_MS, type WebhookId } from '../../core/webhook.ts';
import { callerOf } from './auth.ts';
import { moment, msOf } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import {
  deliveryView,
  expectedRev,
  idParams,
  ifMatch,
  newWebhook,
  viewDelivery,
  viewWebhook,
  webhookIdOf,
  webhookTag,
} from './webhook-view.ts';
import { readWebhook } from './webhooks.ts';

const tags = ['webhooks'];
const noQuery = z.strictObject({});
const MAX_OVERLAP_HOURS = 168;
const HOUR_MS = 3_600_000;

const rotation = z
  .strictObject({
    overlapHours: z
      .number()
      .min(0)
      .max(MAX_OVERLAP_HOURS)
      .default(ROTATION_OVERLAP_MS / HOUR_MS)
      .describe('How long the old secret signs, too'),
  })
  .nullish();
const range = z.strictObject({
  since: moment.describe('Of the first event'),
  until: moment.optional().describe('Of the last event; now when absent'),
});

/** What people do with a webhook beside changing it. */
export function webhookActionRoutes(app: RestApp, parts: RouteParts): void {
  const { webhooks, clock, randomBytes } = parts;
  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/rotate',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'rotateWebhookSecret',
      summary: 'Make a new secret; for a while both sign',
      params: idParams,
      querystring: noQuery,
      headers: ifMatch,
      body: rotation,
      response: { 200: newWebhook, ...problemResponses },
    },
    handler: async (request, reply) => {
      const id = webhookIdOf(request.params.id);
      const overlapMs =
        request.body === null || request.body === undefined ? ROTATION_OVERLAP_MS : request.body.overlapHours * HOUR_MS;
      const before = await readWebhook(webhooks, id);
      const known = await webhooks.secrets(id);
      const current = newWebhookSecret(randomBytes);
      const untilMs = clock.nowMs() + overlapMs;
      const previous = known === undefined || overlapMs === 0 ? {} : { previous: { secret: known.current, untilMs } };
      // Another change at the same time must not lose a secret that somebody was shown.
      const rev = expectedRev(request.headers['if-match'], before) ?? before.rev;
      const endpoint = await webhooks.change(id, { secrets: { current, ...previous } }, rev);
      reply.header('etag', webhookTag(endpoint)).header('cache-control', 'no-store');
      return { ...viewWebhook(endpoint, 'admin'), secret: current };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/test',
    config: { access: 'admin', documentedBody: null },
    schema: {
      tags,
      operationId: 'testWebhook',
      summary: 'Send a `webhook.test` event there, once; follow the delivery at `Location`',
      params: idParams,
      querystring: noQuery,
      body: z.strictObject({}).nullish(),
      response: { 202: deliveryView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const webhook = webhookIdOf(request.params.id);
      const nowMs = clock.nowMs();
      const unique = newJobId(nowMs, randomBytes(10));
      const event = testEvent(webhook, { id: `test-${unique}`, nowMs, actor: callerOf(request).actor });
      const delivery = await webhooks.test({ id: newDeliveryId(unique), webhook, event });
      reply.code(202).header('location', `/v1/deliveries/${delivery.id}`);
      return viewDelivery(delivery);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/webhooks/:id/replay',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'replayWebhook',
      summary: 'Send again what it wants of a time, under the ids that it had, as far as events are kept',
      params: idParams,
      querystring: noQuery,
      body: range,
      response: { 202: z.object({ since: z.iso.datetime(), until: z.iso.datetime() }), ...problemResponses },
    },
    handler: async (request, reply) => {
      const sinceMs = msOf(request.body.since);
      const untilMs = request.body.until === undefined ? clock.nowMs() : msOf(request.body.until);
      if (untilMs < sinceMs) throw badRange();
      // Ids of events are times; the first is left out, so it begins with the last one that can have been before.
      const after = sinceMs === 0 ? '0-0' : `${sinceMs - 1}-${Number.MAX_SAFE_INTEGER}`;
      await webhooks.replay(webhookIdOf(request.params.id), { after, until: `${untilMs}-${Number.MAX_SAFE_INTEGER}` });
      reply.code(202);
      return { since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString() };
    },
  });
}

function testEvent(
  webhook: WebhookId,
  { id, nowMs, actor }: { readonly id: string; readonly nowMs: number; readonly actor: string },
): StowageEvent {
  const time = new Date(nowMs).toISOString();
  return { id, type: 'webhook.test', time, subject: `webhook:${webhook}`, data: { by: actor } };
}

function badRange(): StowageError {
  const detail = 'is before `since`';
  return new StowageError('request-invalid', `/until: ${detail}`, { fields: [{ pointer: '/until', detail }] });
}
