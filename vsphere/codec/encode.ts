import { StowageError } from '../../core/errors.ts';
import { type Moref, splitMoref } from '../../core/ids.ts';
import type { FieldSpec, OperationName } from '../schema/table.ts';
import { enumOf, fieldsOf, lineage, operationOf, parseSpecs, typeOf } from '../schema/table.ts';
import type { Params } from '../schema/vim.ts';
import { VIM_NAMESPACE } from '../schema/wsdl.ts';

// What a request's envelope contains, checked against the schema while it is written, in vSphere's order: the eldest ancestor's
// fields first. (node-soap 1.13 orders elements by the declared type only.)

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

// What XML 1.0 cannot carry, even escaped.
// oxlint-disable-next-line no-control-regex
const UNSENDABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
// A carriage return that is not escaped is read as a line feed.
const SPECIAL = /[&<>\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

const escaped = (text: string): string => text.replace(SPECIAL, (character) => ESCAPES[character] ?? character);

/** Wider than what people may write: views and filters are named `session[…]…`. */
const REFERENCE = /^[A-Za-z]+:[^\s<>&]+$/;

class RequestWriter {
  #text = '';
  /** From the operation down to the field at hand, for what is said of a fault. */
  readonly #path: string[];

  constructor(operation: OperationName) {
    this.#path = [operation];
  }

  write(name: OperationName, self: Moref, params: Readonly<Record<string, unknown>>): string {
    this.#text = `<${name} xmlns="${VIM_NAMESPACE}">`;
    this.#reference('_this', self);
    this.#fields(operationPlan(name), params);
    return `${this.#text}</${name}>`;
  }

  #fields(fields: readonly FieldSpec[], given: Readonly<Record<string, unknown>>): void {
    for (const field of fields) {
      const value = given[field.name];
      if (value === undefined && !field.isRequired) continue;
      this.#path.push(field.name);
      if (value === undefined) this.#refuse('is missing');
      else if (!field.isArray) this.#element(field, value);
      else if (Array.isArray(value)) for (const item of value) this.#element(field, item);
      else this.#refuse('is not a list');
      this.#path.pop();
    }
  }

  #element({ name, type }: FieldSpec, value: unknown): void {
    switch (type) {
      case 'string':
      case 'dateTime':
        this.#text += `<${name}>${this.#sendable(value)}</${name}>`;
        return;
      case 'short':
      case 'int':
      case 'long':
        if (!Number.isSafeInteger(value)) this.#refuse('is not a whole number');
        this.#text += `<${name}>${String(value)}</${name}>`;
        return;
      case 'boolean':
        if (typeof value !== 'boolean') this.#refuse('is neither true nor false');
        this.#text += `<${name}>${String(value)}</${name}>`;
        return;
      case 'ManagedObjectReference':
        if (typeof value !== 'string' || !REFERENCE.test(value)) this.#refuse('is not a managed object reference');
        this.#reference(name, value as Moref);
        return;
      case 'anyType':
        this.#any(name, value);
        return;
      default:
        if (enumOf(type) === undefined) this.#object(name, type, value);
        else this.#word(name, type, value);
    }
  }

  #sendable(value: unknown): string {
    if (typeof value !== 'string') return this.#refuse('is not text');
    if (UNSENDABLE.test(value))
      throw new StowageError('vcenter-invalid', `${this.#where()} has a character that XML cannot carry`);
    return escaped(value);
  }

  #reference(name: string, ref: Moref): void {
    const { type, value } = splitMoref(ref);
    this.#text += `<${name} type="${type}">${escaped(value)}</${name}>`;
  }

  #any(name: string, value: unknown): void {
    const word = { string: 'string', number: 'long', boolean: 'boolean' }[typeof value as string];
    if (word === undefined) this.#refuse('has no type that anyType can carry');
    const type = `xsi:type="xsd:${word}" xmlns:xsd="http://www.w3.org/2001/XMLSchema"`;
    this.#text += `<${name} ${type}>${this.#sendable(String(value))}</${name}>`;
  }

  #word(name: string, type: string, value: unknown): void {
    if (typeof value !== 'string' || enumOf(type)?.values.includes(value) !== true)
      return this.#refuse(`is no ${type}`);
    this.#text += `<${name}>${value}</${name}>`;
  }

  #object(name: string, declared: string, value: unknown): void {
    if (typeof value !== 'object' || value === null) return this.#refuse(`is not a ${declared}`);
    const given = value as Readonly<Record<string, unknown>>;
    const type = typeof given['xsiType'] === 'string' ? given['xsiType'] : declared;
    const plan = planOf(type);
    if (typeOf(type) === undefined || !plan.lineage.includes(declared)) return this.#refuse(`cannot be a ${type}`);
    this.#text += type === declared ? `<${name}>` : `<${name} xsi:type="${type}">`;
    this.#fields(plan.fields, given);
    for (const key in given)
      if (key !== 'xsiType' && !plan.names.has(key)) this.#refuse(`has ${key}, which is no field of ${type}`);
    this.#text += `</${name}>`;
  }

  #where(): string {
    return this.#path.join('.');
  }

  #refuse(what: string): never {
    throw new StowageError('internal-error', `request not sent: ${this.#where()} ${what}`);
  }
}

/**
 * The call, for the body of an envelope that declares `xsi`.
 * @throws StowageError `internal-error` when it does not fit the schema (a fault of ours), `vcenter-invalid` for text that XML cannot carry
 */
export function encodeRequest<K extends OperationName>(name: K, self: Moref, params: Params<K>): string {
  return new RequestWriter(name).write(name, self, params);
}
