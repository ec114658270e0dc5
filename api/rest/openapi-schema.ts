import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;

const COMPONENTS = '#/components/schemas/';
const converted = z.object({
  properties: z.object({ root: z.record(z.string(), z.unknown()) }),
  $defs: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});

/**
 * A zod schema as the JSON Schema of OpenAPI 3.1. Schemas with an id (`.meta({ id })`) become references; what they refer to is put
 * into `components` where that is given.
 */
export function documentSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  components?: Map<string, JsonSchema>,
): JsonSchema {
  // Inside another object the schema itself is a reference too when it has an id.
  const { properties, $defs = {} } = converted.parse(
    rebase(
      z.toJSONSchema(z.object({ root: schema }), {
        io,
        unrepresentable: 'any',
        override: ({ jsonSchema }) => tidy(jsonSchema, io),
      }),
    ),
  );
  for (const [name, { id: _id, ...definition }] of Object.entries($defs)) components?.set(name, definition);
  return properties.root;
}

/** Takes out what zod says and no reader needs. Answers may get new members, so their schemas leave room for them. */
function tidy(schema: z.core.JSONSchema.BaseSchema, io: 'input' | 'output'): void {
  if (io === 'input') leaveOutReadOnly(schema);
  if (schema.format === 'date-time' && (io === 'output' || takesOffsets(schema))) delete schema.pattern;
  if (io === 'output') {
    if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
    if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
    if (schema.additionalProperties === false) delete schema.additionalProperties;
  }
  if (typeof schema.propertyNames === 'object' && Object.keys(schema.propertyNames).join() === 'type') {
    delete schema.propertyNames;
  }
}

/** `date-time` says all of a time that need not be in UTC. */
function takesOffsets({ pattern = '' }: z.core.JSONSchema.BaseSchema): boolean {
  return pattern.includes('[+-]');
}

/** What Stowage sets is no caller's business. */
function leaveOutReadOnly({ properties = {} }: z.core.JSONSchema.BaseSchema): void {
  for (const [name, member] of Object.entries(properties)) {
    if (typeof member === 'object' && member.readOnly === true) delete properties[name];
  }
}

function rebase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rebase);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      key === '$ref' && typeof member === 'string'
        ? [key, member.replace('#/$defs/', COMPONENTS)]
        : [key, rebase(member)],
    ),
  );
}
