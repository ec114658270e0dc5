import { z } from 'zod';
import type { AnyKind } from '../../jobs/define.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const jsonSchema = z.record(z.string(), z.unknown());
const kindView = z
  .object({
    kind: z.string(),
    summary: z.string(),
    role: z.enum(['viewer', 'operator', 'admin']).describe('The least role that may submit it'),
    lane: z.string(),
    steps: z.array(z.string()),
    maxAttempts: z.int(),
    deadlineMs: z.int(),
    payload: jsonSchema.describe('JSON Schema of what is sent'),
    result: jsonSchema.describe('JSON Schema of what comes out'),
  })
  .meta({ id: 'Kind' });

export function kindRoutes(app: RestApp, { catalogue }: RouteParts): void {
  const items = catalogue.kinds.map(viewKind);
  app.route({
    method: 'GET',
    url: '/v1/kinds',
    config: { access: 'viewer' },
    schema: {
      tags: ['jobs'],
      operationId: 'listKinds',
      summary: 'The kinds of job there are',
      querystring: z.strictObject({}),
      response: { 200: z.object({ items: z.array(kindView) }), ...problemResponses },
    },
    handler: async () => ({ items }),
  });
}

function viewKind(kind: AnyKind): z.infer<typeof kindView> {
  return {
    kind: kind.kind,
    summary: kind.summary,
    role: kind.role,
    lane: kind.lane,
    steps: kind.steps.map((step) => step.name),
    maxAttempts: kind.retry.maxAttempts,
    deadlineMs: kind.deadlineMs,
    payload: schemaOf(kind.payload, 'input'),
    result: schemaOf(kind.result, 'output'),
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  return { ...z.toJSONSchema(schema, { io, unrepresentable: 'any' }) };
}
