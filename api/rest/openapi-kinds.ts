import { z } from 'zod';
import type { AnyKind } from '../../jobs/define.ts';
import type { Catalogue } from '../../jobs/registry.ts';
import { documentSchema, type JsonSchema } from './openapi-schema.ts';

const EXAMPLES: readonly { readonly kind: string; readonly payload: object }[] = [
  { kind: 'volume.create', payload: { name: 'demo_vol', options: { Capacity: '10GB' } } },
  { kind: 'volume.remove', payload: { name: 'demo_vol' } },
  { kind: 'reconcile.run', payload: {} },
];

/** A submission as the catalogue knows it: one alternative a kind, told apart by `kind`. */
export function documentSubmission(catalogue: Catalogue): JsonSchema {
  if (catalogue.kinds.length === 0) return { type: 'object' };
  return {
    type: 'object',
    required: ['kind', 'payload'],
    properties: { kind: { type: 'string', enum: catalogue.kinds.map(({ kind }) => kind) } },
    oneOf: catalogue.kinds.map(documentKind),
    ...examplesOf(catalogue),
  };
}

function documentKind(kind: AnyKind): JsonSchema {
  return {
    type: 'object',
    title: kind.kind,
    description: kind.summary,
    required: ['kind', 'payload'],
    additionalProperties: false,
    properties: {
      kind: { type: 'string', const: kind.kind },
      payload: documentSchema(kind.payload, 'input'),
    },
  };
}

function examplesOf(catalogue: Catalogue): { readonly examples?: readonly object[] } {
  const examples = EXAMPLES.filter(({ kind, payload }) => catalogue.find(kind)?.payload.safeParse(payload).success);
  return examples.length === 0 ? {} : { examples };
}

/** A kind's payload without the members that a convenience route takes from its path. */
export function documentVerbBody(kind: AnyKind, taken: readonly string[]): JsonSchema {
  const schema = documentSchema(kind.payload, 'input');
  const properties = z.record(z.string(), z.unknown()).catch({}).parse(schema['properties']);
  const required = z.array(z.string()).catch([]).parse(schema['required']);
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !taken.includes(name))),
    required: required.filter((name) => !taken.includes(name)),
  };
}
