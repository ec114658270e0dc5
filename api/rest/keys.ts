import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import { callerOf, PRESET_KEY_NAME } from './auth.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['keys'];
const role = z.enum(['viewer', 'operator', 'admin']);
const keyView = z
  .object({
    id: z.string(),
    name: z.string(),
    role,
    createdAt: z.iso.datetime(),
    createdBy: z.string(),
    lastUsedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Key' });
const newKey = keyView.extend({ key: z.string().describe('The key itself, shown this once') }).meta({ id: 'NewKey' });
const keyBody = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'must be 1 to 63 letters, digits, "_", "." or "-"')
    .refine((name) => name !== PRESET_KEY_NAME, 'stands for the key that the configuration sets'),
  role,
});

export function keyRoutes(app: RestApp, { keys }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/keys',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'listKeys',
      summary: 'List API keys',
      querystring: z.strictObject({}),
      response: { 200: z.object({ items: z.array(keyView) }), ...problemResponses },
    },
    handler: async () => ({ items: [...(await keys.list())] }),
  });

  app.route({
    method: 'POST',
    url: '/v1/keys',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'createKey',
      summary: 'Make an API key',
      querystring: z.strictObject({}),
      body: keyBody,
      response: { 201: newKey, ...problemResponses },
    },
    handler: async (request, reply) => {
      const { name, role } = request.body;
      // Jobs and logs name a key's holder by this name. Two requests at once may still both get it; that confuses people only.
      if ((await keys.list()).some((entry) => entry.name === name)) {
        throw new StowageError('key-exists', `there is a key named ${name}`);
      }
      const { key, entry } = await keys.create(name, role, callerOf(request).actor);
      reply.code(201).header('location', `/v1/keys/${entry.id}`).header('cache-control', 'no-store');
      return { ...entry, key };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/keys/:id',
    config: { access: 'admin' },
    schema: {
      tags,
      operationId: 'revokeKey',
      summary: 'Revoke an API key',
      params: z.object({ id: z.string().min(1).max(100) }),
      querystring: z.strictObject({}),
      response: { 204: { description: 'It is revoked' }, ...problemResponses },
    },
    handler: async (request, reply) => {
      await keys.revoke(request.params.id);
      return await reply.code(204).send();
    },
  });
}
