import { StowageError } from '../../core/errors.ts';
import { type Moref, splitMoref } from '../../core/ids.ts';
import type { FieldSpec, OperationName } from '../schema/table.ts';
import { enumOf, fieldsOf, lineage, operationOf, parseSpecs, typeOf } from '../schema/table.ts';
import type { Params } from '../schema/vim.ts';

// Requests as node-soap wants them, and their validation, in one pass: node-soap 1.13 orders elements by the declared type
// only, so objects are built here in vSphere's order, the eldest ancestor's fields first.

type Encoded = Readonly<Record<string, unknown>> | string | number | boolean;

interface TypePlan {
  readonly fields: readonly FieldSpec[];
  readonly names: ReadonlySet<string>;
  /** Its heirs and itself: what may stand where it is declared. */
  readonly lineage: readonly string[];
}

const plans = new Map<string, TypePlan>();

function planOf(type: string): TypePlan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const fields = fieldsOf(type);
  const plan = { fields, names: new Set(fields.map((field) => field.name)), lineage: lineage(type) };
  plans.set(type, plan);
  return plan;
}

const operationPlans = new Map<OperationName, readonly FieldSpec[]>();

function operationPlan(name: OperationName): readonly FieldSpec[] {
  const known = operationPlans.get(name);
  if (known !== undefined) return known;
  const plan = parseSpecs(operationOf(name).params);
  operationPlans.set(name, plan);
  return plan;
}

function refuse(where: string, what: string): never {
  throw new StowageError('internal-error', `request not sent: ${where} ${what}`);
}

// What XML 1.0 cannot carry, even escaped.
// oxlint-disable-next-line no-control-regex
const UNSENDABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

function encodeText(value: unknown, where: string): Encoded {
  if (typeof value !== 'string') return refuse(where, 'is not text');
  if (UNSENDABLE.test(value))
    throw new StowageError('vcenter-invalid', `${where} has a character that XML cannot carry`);
  // node-soap passes text that looks like a CDATA section as it is; escaped by hand it cannot break out.
  if (!value.startsWith('<![CDATA[')) return value;
  return { $xml: value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') };
}

function encodeNumber(value: unknown, where: string): Encoded {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : refuse(where, 'is not a whole number');
}

/** Wider than what people may write: views and filters are named `session[…]…`. */
const REFERENCE = /^[A-Za-z]+:[^\s<>&]+$/;

function encodeReference(value: unknown, where: string): Encoded {
  if (typeof value !== 'string' || !REFERENCE.test(value)) return refuse(where, 'is not a managed object reference');
  return wireReference(value as Moref);
}

function wireReference(ref: Moref): Encoded {
  const { type, value } = splitMoref(ref);
  return { attributes: { type }, $value: value };
}

function encodeAny(value: unknown, where: string): Encoded {
  const word = { string: 'string', number: 'long', boolean: 'boolean' }[typeof value as string];
  if (word === undefined) return refuse(where, 'has no type that anyType can carry');
  const attributes = { 'xsi:type': `xsd:${word}`, 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema' };
  return { attributes, $value: value };
}

function encodeObject(declared: string, value: unknown, where: string): Encoded {
  if (typeof value !== 'object' || value === null) return refuse(where, `is not a ${declared}`);
  const given = value as Readonly<Record<string, unknown>>;
  const type = typeof given['xsiType'] === 'string' ? given['xsiType'] : declared;
  const plan = planOf(type);
  if (typeOf(type) === undefined || !plan.lineage.includes(declared)) return refuse(where, `cannot be a ${type}`);
  const encoded: Record<string, unknown> = {};
  if (type !== declared) encoded['attributes'] = { 'xsi:type': `vim25:${type}` };
  encodeFields(plan.fields, given, encoded, where);
  for (const name of Object.keys(given)) {
    if (name !== 'xsiType' && !plan.names.has(name)) refuse(`${where}.${name}`, `is no field of ${type}`);
  }
  return encoded;
}

function encodeFields(
  fields: readonly FieldSpec[],
  given: Readonly<Record<string, unknown>>,
  into: Record<string, unknown>,
  where: string,
): void {
  for (const field of fields) {
    const value = given[field.name];
    const path = `${where}.${field.name}`;
    if (value === undefined) {
      if (field.isRequired) refuse(path, 'is missing');
    } else if (field.isArray) {
      if (!Array.isArray(value)) refuse(path, 'is not a list');
      else if (value.length > 0)
        into[field.name] = value.map((item, i) => encodeValue(field.type, item, `${path}[${i}]`));
    } else {
      into[field.name] = encodeValue(field.type, value, path);
    }
  }
}

function encodeValue(type: string, value: unknown, where: string): Encoded {
  switch (type) {
    case 'string':
    case 'dateTime':
      return encodeText(value, where);
    case 'short':
    case 'int':
    case 'long':
      return encodeNumber(value, where);
    case 'boolean':
      return typeof value === 'boolean' ? value : refuse(where, 'is neither true nor false');
    case 'ManagedObjectReference':
      return encodeReference(value, where);
    case 'anyType':
      return encodeAny(value, where);
    default: {
      const allowed = enumOf(type)?.values;
      if (allowed === undefined) return encodeObject(type, value, where);
      return typeof value === 'string' && allowed.includes(value) ? value : refuse(where, `is no ${type}`);
    }
  }
}

/**
 * The arguments of a call, ordered and checked against the schema.
 * @throws StowageError `internal-error` when they do not fit it (a fault of ours), `vcenter-invalid` for text that XML cannot carry
 */
export function encodeRequest<K extends OperationName>(name: K, self: Moref, params: Params<K>): object {
  const encoded: Record<string, unknown> = { _this: wireReference(self) };
  encodeFields(operationPlan(name), params, encoded, name);
  return encoded;
}
