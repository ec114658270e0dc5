import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { EVENT_TYPES, type EventType } from '../../core/events.ts';
import { filteredPage, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { deliveryIdOf, deliveryState, deliveryView, idParams, viewDelivery, webhookIdOf } from './webhook-view.ts';
import { readWebhook } from './webhooks.ts';

const tags = ['webhooks'];
const types = Object.keys(EVENT_TYPES) as [EventType, ...EventType[]];
const listQuery = z.strictObject({
  state: deliveryState.optional(),
  type: z.enum(types).optional().describe('Of the event'),
  subject: z.string().min(1).max(400).optional().describe('Of the event, e.g. `volume:demo_vol`'),
  ...pageQuery,
});
const DELIVERY_CURSOR = /^msg_[0-9a-z]{26}$/;

export function deliveryRoutes(app: RestApp, { webhooks }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/webhooks/:id/deliveries',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listDeliveries',
      summary: 'List the deliveries of a webhook, by the time of the event, newest first',
      params: idParams,
      querystring: listQuery,
      response: { 200: pageOf(deliveryView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, state, type, subject } = request.query;
      const { id } = await readWebhook(webhooks, webhookIdOf(request.params.id));
      const filter = { type: 'delivery', id, state, types: type, subject };
      const page = await filteredPage(
        (wanted) => webhooks.deliveries(id, wanted),
        pageRequest({ limit, cursor }, filter, DELIVERY_CURSOR),
        {
          matches: (one) =>
            one.state === (state ?? one.state) &&
            one.event.type === (type ?? one.event.type) &&
            one.event.subject === (subject ?? one.event.subject),
          cursorOf: (one) => one.id,
        },
      );
      return renderPage(reply, page, filter, viewDelivery);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/deliveries/:id',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readDelivery',
      summary: 'Read a delivery with its attempts',
      params: idParams,
      querystring: z.strictObject({}),
      response: { 200: deliveryView, ...problemResponses },
    },
    handler: async (request) => {
      const id = deliveryIdOf(request.params.id);
      const found = await webhooks.readDelivery(id);
      if (found === undefined) throw new StowageError('delivery-not-found', `there is no delivery ${id}`);
      return viewDelivery(found);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/deliveries/:id/resend',
    config: { access: 'admin', documentedBody: null },
    schema: {
      tags,
      operationId: 'resendDelivery',
      summary: 'Send it again now, under the same id, with all its attempts',
      params: idParams,
      querystring: z.strictObject({}),
      body: z.strictObject({}).nullish(),
      response: { 202: deliveryView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const delivery = await webhooks.resend(deliveryIdOf(request.params.id));
      reply.code(202).header('location', `/v1/deliveries/${delivery.id}`);
      return viewDelivery(delivery);
    },
  });
}
