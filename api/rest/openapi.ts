import swagger from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { z } from 'zod';
import { documentSchema, type JsonSchema } from './openapi-schema.ts';
import type { Access, RestApp, RestParts } from './parts.ts';

const INFO = {
  title: 'Stowage',
  description:
    'Container volumes on vSphere. Every change is a job: submit one with `POST /v1/jobs` or with a convenience route of a ' +
    'resource, and follow it at `Location`. Errors are RFC 9457 problem documents.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
};

/** Collects the schemas of all routes that are added after it. */
export function collectOpenApi(app: RestApp, parts: RestParts): void {
  const components = new Map<string, JsonSchema>();
  const withoutBody = new Set<string>();
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...INFO, version: parts.version },
      servers: [{ url: '/' }],
      tags: [
        'jobs',
        'dead letters',
        'volumes',
        'stores',
        'hosts',
        'events',
        'webhooks',
        'keys',
        'sessions',
        'process',
      ].map((name) => ({ name })),
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key (`/v1/keys`)' },
          session: {
            type: 'apiKey',
            in: 'cookie',
            name: 'stowage_session',
            description:
              'Who is signed in (`POST /v1/session`; by HTTPS the name begins with `__Host-`). What changes something sends `x-stowage-csrf` too.',
          },
        },
      },
      security: [{ key: [] }, { session: [] }],
    },
    transform: ({ schema, url, route }) => {
      const access = route.config?.access ?? 'admin';
      const documented = documentRoute(schema, { access, body: route.config?.documentedBody, components });
      if (isBodyOptional(schema?.body, documented.body)) withoutBody.add(String(documented['operationId']));
      return { url, schema: documented };
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) throw new TypeError('this is not an OpenAPI document');
      const { openapiObject } = document;
      const schemas = Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
      for (const path of Object.values(openapiObject.paths ?? {})) {
        for (const { operationId = '', requestBody: body } of [path?.post ?? {}, path?.patch ?? {}])
          if (withoutBody.has(operationId) && body !== undefined && 'content' in body) body.required = false;
      }
      return { ...openapiObject, components: { ...openapiObject.components, schemas } } as typeof openapiObject;
    },
  });
}

/** Serves what was collected; the last route to be added. */
export function openApiRoutes(app: RestApp): void {
  let document: Record<string, unknown> | undefined;
  app.route({
    method: 'GET',
    url: '/openapi.json',
    config: { access: 'public' },
    schema: {
      tags: ['process'],
      operationId: 'readOpenApi',
      summary: 'This document',
      response: { 200: z.record(z.string(), z.unknown()) },
    },
    handler: async () => (document ??= { ...app.swagger() }),
  });
}

interface RouteDocument {
  readonly access: Access;
  readonly body: unknown;
  readonly components: Map<string, JsonSchema>;
}

function documentRoute(schema: FastifySchema | undefined, { access, body, components }: RouteDocument): FastifySchema {
  const { response, ...rest } = schema ?? {};
  const documented: Record<string, unknown> = { ...rest };
  for (const part of ['querystring', 'params', 'headers', 'body'] as const) {
    const given = rest[part];
    if (given instanceof z.ZodType) documented[part] = documentSchema(given, 'input', components);
  }
  if (body === null) delete documented['body'];
  else if (body !== undefined) documented['body'] = body;
  documented['response'] = documentResponses(response, components);
  documented['security'] = access === 'public' ? [] : [{ key: [] }, { session: [] }];
  documented['description'] = access === 'public' ? 'Needs no key.' : `Needs a key with the role ${access} at least.`;
  return documented;
}

/** Fastify's plugin calls every body required. */
function isBodyOptional(checked: unknown, documented: unknown): boolean {
  if (!(checked instanceof z.ZodType) || documented === undefined) return false;
  const { required = [] } = z
    .object({ required: z.array(z.string()).optional() })
    .catch({})
    .parse(documented);
  return required.length === 0 && checked.safeParse(undefined).success;
}

function documentResponses(response: unknown, components: Map<string, JsonSchema>): Record<string, unknown> {
  const documented: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(response ?? {})) {
    if (answer instanceof z.ZodType) {
      const content = { 'application/json': { schema: documentSchema(answer, 'output', components) } };
      const description = answer.description ?? STATUS_WORDS[status] ?? 'The answer';
      documented[status] = { description, content, ...(status === '202' ? { headers: JOB_HEADERS } : {}) };
    } else {
      documented[status] = documentContents(answer, components);
    }
  }
  return documented;
}

const JOB_HEADERS = {
  location: { type: 'string', description: 'The job, or the delivery' },
  'retry-after': { type: 'integer', description: 'Seconds after which to look again' },
  'stowage-outcome': {
    type: 'string',
    description:
      '`accepted`: a new job; `joined`: an open one that does the same; `repeated`: that of the Idempotency-Key',
  },
  'preference-applied': { type: 'string', description: 'How long it was waited, where `Prefer: wait` asked for it' },
};

const STATUS_WORDS: Readonly<Record<string, string>> = {
  '200': 'It is so',
  '201': 'It is made',
  '202': 'A job was accepted or goes on, or a delivery was planned: follow `Location`',
  '204': 'It is gone',
};

const contents = z.object({
  description: z.string().optional(),
  content: z.record(z.string(), z.object({ schema: z.instanceof(z.ZodType) })).optional(),
});

function documentContents(answer: unknown, components: Map<string, JsonSchema>): Record<string, unknown> {
  const { description = 'The answer', content } = contents.parse(answer);
  if (content === undefined) return { description, type: 'null' };
  const documented = Object.entries(content).map(([type, { schema }]) => [
    type,
    { schema: documentSchema(schema, 'output', components) },
  ]);
  return { description, content: Object.fromEntries(documented) };
}
