import type { JsonSchema } from '../api/kind.ts';

// From the JSON Schema of a kind's payload: which fields a form has, and what is made of what was written into them.

export type FieldType = 'text' | 'number' | 'choice' | 'flag' | 'lines' | 'pairs' | 'json';

export interface PayloadField {
  /** Members that are objects of simple members are written member by member: `options.Capacity`. */
  readonly path: readonly string[];
  readonly name: string;
  readonly type: FieldType;
  readonly isNeeded: boolean;
  readonly description: string;
  readonly choices: readonly string[];
}

/** What the workers fill in themselves is no business of a form. */
const NOT_FOR_PEOPLE = /^Set by Stowage/;
const SIMPLE: readonly FieldType[] = ['text', 'number', 'choice', 'flag'];

/** What is needed first, otherwise in the order of the schema. */
export function fieldsOf(schema: JsonSchema): readonly PayloadField[] {
  const fields = membersOf(schema).flatMap(([name, member]): readonly PayloadField[] => {
    const inner = membersOf(member).map(([innerName, innerMember]) => fieldOf([name, innerName], innerMember, member));
    if (inner.length > 0 && inner.every(({ type }) => SIMPLE.includes(type))) return inner;
    return [fieldOf([name], member, schema)];
  });
  return [...fields.filter(({ isNeeded }) => isNeeded), ...fields.filter(({ isNeeded }) => !isNeeded)];
}

function membersOf(schema: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  return Object.entries(schema.properties ?? {}).filter(([, member]) => !NOT_FOR_PEOPLE.test(member.description ?? ''));
}

function fieldOf(path: readonly string[], member: JsonSchema, parent: JsonSchema): PayloadField {
  const isNeeded = parent.required?.includes(path.at(-1) ?? '') === true && member.default === undefined;
  return {
    path,
    name: path.join('.'),
    type: typeOf(member),
    // A part of something that may be left out may be left out.
    isNeeded: path.length === 1 && isNeeded,
    description: member.description ?? '',
    choices: (member.enum ?? []).filter((choice) => typeof choice === 'string'),
  };
}

function typeOf(member: JsonSchema): FieldType {
  if (member.enum?.every((choice) => typeof choice === 'string') === true) return 'choice';
  const { type } = member;
  if (type === 'string') return 'text';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'boolean') return 'flag';
  if (type === 'array' && member.items?.type === 'string') return 'lines';
  if (type === 'object' && member.properties === undefined && isOfStrings(member.additionalProperties)) return 'pairs';
  return 'json';
}

function isOfStrings(schema: JsonSchema['additionalProperties']): boolean {
  return typeof schema === 'object' && schema.type === 'string';
}

/** What is written in a field, or why it cannot be read. Fields that are empty are left out. */
export type Written =
  | { readonly payload: Record<string, unknown> }
  | { readonly faults: Readonly<Record<string, string>> };

export function payloadOf(fields: readonly PayloadField[], texts: Readonly<Record<string, string>>): Written {
  const payload: Record<string, unknown> = {};
  const faults: Record<string, string> = {};
  for (const field of fields) {
    const text = texts[field.name] ?? '';
    if (text.trim() === '') {
      if (field.isNeeded) faults[field.name] = 'is needed';
      continue;
    }
    try {
      put(payload, field.path, valueOf(field.type, text));
    } catch (error) {
      faults[field.name] = error instanceof Error ? error.message : String(error);
    }
  }
  return Object.keys(faults).length === 0 ? { payload } : { faults };
}

function put(payload: Record<string, unknown>, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    payload[name] = value;
    return;
  }
  const inner = (payload[name] ?? {}) as Record<string, unknown>;
  payload[name] = inner;
  put(inner, rest, value);
}

function valueOf(type: FieldType, text: string): unknown {
  switch (type) {
    case 'text':
    case 'choice':
      return text.trim();
    case 'number':
      if (!Number.isFinite(Number(text))) throw new Error('is not a number');
      return Number(text);
    case 'flag':
      return text === 'true';
    case 'lines':
      return linesOf(text);
    case 'pairs':
      return Object.fromEntries(linesOf(text).map(pairOf));
    case 'json':
      return JSON.parse(text);
  }
}

function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function pairOf(line: string): readonly [string, string] {
  const at = line.indexOf('=');
  if (at <= 0) throw new Error(`"${line}" is not name=value`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}

/** What is wrong, by the field in which it stands; pointers are those of a submission (`/payload/options/Capacity`). */
export function faultsByField(
  fields: readonly PayloadField[],
  faults: readonly { readonly pointer?: string; readonly detail: string }[],
): Readonly<Record<string, string>> {
  const byField: Record<string, string> = {};
  for (const { pointer = '', detail } of faults) {
    const field = fields.find(({ path }) => `${pointer}/`.startsWith(`/payload/${path.join('/')}/`));
    if (field !== undefined) byField[field.name] ??= detail;
  }
  return byField;
}
