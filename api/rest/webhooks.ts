import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { newJobId } from '../../core/ids.ts';
import type { WebhookStore } from '../../core/ports/webhooks.ts';
import { newWebhookId, newWebhookSecret, type WebhookEndpoint, type WebhookId } from '../../core/webhook.ts';
import type { TargetGuard } from '../../core/webhook-target.ts';
import { callerOf } from './auth.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import {
  expectedRev,
  idParams,
  ifMatch,
  newWebhook,
  viewWebhook,
  webhookBody,
  webhookIdOf,
  webhookPatch,
  webhookTag,
  webhookView,
} from './webhook-view.ts';

const tags = ['webhooks'];
const noQuery = z.strictObject({});
/** A change that names no revision, and finds another one in its way, is made again from a fresh read. */
const CHANGE_TRIES = 5;

export function webhookRoutes(app: RestApp, parts: RouteParts): void {
  readRoutes(app, parts);
  const { webhooks, webhookGuard, clock, randomBytes } = parts;
  app.route({
    method: 'POST',
    url: '/v1/webhooks',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'createWebhook',
      summary: 'Have events sent to a URL, from now on',
      querystring: noQuery,
      body: webhookBody,
      response: { 201: newWebhook, ...problemResponses },
    },
    handler: async (request, reply) => {
      checkUrl(webhookGuard, request.body.url);
      const id = newWebhookId(newJobId(clock.nowMs(), randomBytes(10)));
      const secret = newWebhookSecret(randomBytes);
      const endpoint = await webhooks.create(id, request.body, { current: secret });
      reply.code(201).header('location', `/v1/webhooks/${id}`).header('etag', webhookTag(endpoint));
      reply.header('cache-control', 'no-store');
      return { ...viewWebhook(endpoint, 'admin'), secret };
    },
  });

  app.route({
    method: 'PATCH',
    url: '/v1/webhooks/:id',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'changeWebhook',
      summary: 'Change, enable or disable a webhook',
      params: idParams,
      querystring: noQuery,
      headers: ifMatch,
      body: webhookPatch,
      response: { 200: webhookView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const id = webhookIdOf(request.params.id);
      if (request.body.url !== undefined) checkUrl(webhookGuard, request.body.url);
      const endpoint = await changed(webhooks, id, { patch: request.body, header: request.headers['if-match'] });
      reply.header('etag', webhookTag(endpoint));
      return viewWebhook(endpoint, 'admin');
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/webhooks/:id',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'removeWebhook',
      summary: 'Remove a webhook with its deliveries',
      params: idParams,
      querystring: noQuery,
      headers: ifMatch,
      response: { 204: { description: 'It is gone' }, ...problemResponses },
    },
    handler: async (request, reply) => {
      const id = webhookIdOf(request.params.id);
      await webhooks.remove(id, expectedRev(request.headers['if-match'], await readWebhook(webhooks, id)));
      return await reply.code(204).send();
    },
  });
}

function readRoutes(app: RestApp, { webhooks }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/webhooks',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listWebhooks',
      summary: 'List webhooks, oldest first',
      querystring: noQuery,
      response: { 200: z.object({ items: z.array(webhookView) }), ...problemResponses },
    },
    handler: async (request) => {
      const { role } = callerOf(request);
      return { items: (await webhooks.list()).map((endpoint) => viewWebhook(endpoint, role)) };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/webhooks/:id',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readWebhook',
      summary: 'Read a webhook',
      params: idParams,
      querystring: noQuery,
      response: { 200: webhookView, ...problemResponses },
    },
    handler: async (request, reply) => {
      const endpoint = await readWebhook(webhooks, webhookIdOf(request.params.id));
      reply.header('etag', webhookTag(endpoint));
      return viewWebhook(endpoint, callerOf(request).role);
    },
  });
}

/** @throws StowageError `webhook-not-found` */
export async function readWebhook(webhooks: WebhookStore, id: WebhookId): Promise<WebhookEndpoint> {
  const endpoint = await webhooks.read(id);
  if (endpoint === undefined) throw new StowageError('webhook-not-found', `there is no webhook ${id}`);
  return endpoint;
}

/** What the name resolves to is checked at each attempt: it may be another address by then. */
function checkUrl(guard: TargetGuard, url: string): void {
  const fault = guard.explainUrl(url);
  if (fault === undefined) return;
  throw new StowageError('request-invalid', `/url: ${fault}`, { fields: [{ pointer: '/url', detail: fault }] });
}

async function changed(
  webhooks: WebhookStore,
  id: WebhookId,
  { patch, header }: { readonly patch: z.output<typeof webhookPatch>; readonly header: string | undefined },
): Promise<WebhookEndpoint> {
  const { state, ...wanted } = patch;
  for (let tries = 1; ; tries += 1) {
    const before = await readWebhook(webhooks, id);
    const rev = expectedRev(header, before);
    const settings = {
      url: wanted.url ?? before.url,
      eventTypes: wanted.eventTypes ?? before.eventTypes,
      description: wanted.description ?? before.description,
      format: wanted.format ?? before.format,
    };
    try {
      return await webhooks.change(id, { settings, ...(state === undefined ? {} : { state }) }, rev ?? before.rev);
    } catch (error) {
      const isRaced = error instanceof StowageError && error.code === 'precondition-failed' && rev === undefined;
      if (!isRaced || tries === CHANGE_TRIES) throw error;
    }
  }
}
