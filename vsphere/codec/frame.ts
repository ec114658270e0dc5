import { StowageError } from '../../core/errors.ts';
import { moref } from '../../core/ids.ts';
import { enumOf, type FieldSpec, fieldsOf, typeOf } from '../schema/table.ts';
import type { Attributes } from './scan.ts';

// One frame for each element that is open while a reply is decoded. What an element becomes is decided when it opens, by the
// declared type and `xsi:type`; it is put into its parent when it closes.

export interface Plan {
  readonly type: string;
  /** Of an object: its fields by element name. */
  readonly fields?: ReadonlyMap<string, PlannedField>;
  /** Of a list (ArrayOfX): the type of every child. */
  readonly item?: string;
  /** Unknown children are kept as they come. */
  readonly keepsUnknown?: boolean;
  readonly alias?: { readonly from: string; readonly to: string };
}

export type PlannedField = FieldSpec & { readonly plan?: Plan };

type Bag = Record<string, unknown>;

export interface Frame {
  readonly plan: Plan;
  /** Where the value goes when the element closes. */
  readonly into: Bag | unknown[] | undefined;
  readonly name: string;
  readonly isArray: boolean;
  /** Collected only where the value is text. */
  text: string | undefined;
  value: unknown;
  readonly reference: string | undefined;
}

const WORDS: ReadonlySet<string> = new Set(['string', 'short', 'int', 'long', 'boolean', 'dateTime']);
const ANY: Plan = { type: 'anyType', keepsUnknown: true };
const plans = new Map<string, Plan>();

function planOf(type: string): Plan {
  const known = plans.get(type);
  if (known !== undefined) return known;
  const fields = new Map(fieldsOf(type).map((field) => [field.name, field]));
  const plan = typeOf(type) === undefined ? { type } : { type, fields };
  plans.set(type, plan);
  return plan;
}

function isKnown(type: string): boolean {
  return (
    WORDS.has(type) || type === 'ManagedObjectReference' || enumOf(type) !== undefined || typeOf(type) !== undefined
  );
}

const ARRAY = /^ArrayOf(\w+)$/;
// Schema words are in lower case, in the names of arrays they begin with a capital.
const arrayItem = (name: string): string => (isKnown(name) ? name : name.charAt(0).toLowerCase() + name.slice(1));

function planOfAny(xsiType: string | undefined): Plan {
  if (xsiType === undefined) return ANY;
  if (isKnown(xsiType)) return planOf(xsiType);
  const item = ARRAY.exec(xsiType)?.[1];
  if (item === undefined) return { ...ANY, type: xsiType };
  return { type: xsiType, item: isKnown(arrayItem(item)) ? arrayItem(item) : 'anyType' };
}

function planOfChild(declared: string, xsiType: string | undefined): Plan {
  if (declared === 'anyType') return planOfAny(xsiType);
  const base = planOf(declared);
  if (xsiType === undefined || xsiType === declared || base.fields === undefined) return base;
  return typeOf(xsiType) === undefined ? { ...base, type: xsiType, keepsUnknown: true } : planOf(xsiType);
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

interface Marks {
  xsiType: string | undefined;
  reference: string | undefined;
  isNil: boolean;
}

const UNMARKED: Readonly<Marks> = { xsiType: undefined, reference: undefined, isNil: false };

/** `xsi:type`, whatever its prefix is (Go's encoder makes one up); a bare `type` is that of a managed object reference. */
function marksOf(attributes: Attributes): Readonly<Marks> {
  let marks: Marks | undefined;
  for (const name in attributes) {
    const value = attributes[name] ?? '';
    if (name === 'type') (marks ??= { ...UNMARKED }).reference = value;
    else if (name.endsWith(':type')) (marks ??= { ...UNMARKED }).xsiType = local(value);
    else if (name.endsWith(':nil')) (marks ??= { ...UNMARKED }).isNil = value === 'true' || value === '1';
  }
  return marks ?? UNMARKED;
}

interface Slot {
  readonly into: Frame['into'];
  readonly name: string;
  readonly isArray: boolean;
}

function openFrame(plan: Plan, { into, name, isArray }: Slot, reference: string | undefined): Frame {
  const isList = plan.item !== undefined;
  const isText = !isList && plan.fields === undefined;
  const value = isList ? [] : isText ? undefined : plan.type.startsWith('#') ? {} : { xsiType: plan.type };
  return { plan, into, name, isArray, text: isText ? '' : undefined, value, reference };
}

export function frameOf(plan: Plan, value: Bag): Frame {
  return { plan, into: undefined, name: '', isArray: false, text: undefined, value, reference: undefined };
}

/** The frame of an element inside `parent`; undefined: skip it and what is in it. */
export function childFrame(parent: Frame, tag: string, attributes: Attributes): Frame | undefined {
  const marks = marksOf(attributes);
  if (marks.isNil) return undefined;
  let name = local(tag);
  const { plan } = parent;
  if (plan.item !== undefined) {
    const child = planOfChild(
      plan.item,
      marks.xsiType ?? (plan.type === '#detail' ? name.replace(/Fault$/, '') : undefined),
    );
    return openFrame(child, { into: parent.value as unknown[], name, isArray: false }, marks.reference);
  }
  if (plan.alias?.from === name) name = plan.alias.to;
  const field = plan.fields?.get(name);
  if (field === undefined) return plan.keepsUnknown === true ? looseFrame(parent, name, marks) : undefined;
  const at = { into: parent.value as Bag, name: field.name, isArray: field.isArray };
  return openFrame(field.plan ?? planOfChild(field.type, marks.xsiType), at, marks.reference);
}

function looseFrame(parent: Frame, name: string, marks: Readonly<Marks>): Frame {
  if (typeof parent.value !== 'object')
    parent.value = parent.plan.type === 'anyType' ? {} : { xsiType: parent.plan.type };
  return openFrame(planOfAny(marks.xsiType), { into: parent.value as Bag, name, isArray: false }, marks.reference);
}

function wordOf(type: string, text: string): unknown {
  switch (type) {
    case 'short':
    case 'int':
    case 'long': {
      const value = Number(text);
      if (text.trim() === '' || Number.isNaN(value))
        throw new StowageError('vcenter-garbled', `"${text}" is not a number`);
      return value;
    }
    case 'boolean':
      return text === 'true' || text === '1';
    default:
      return text;
  }
}

function valueOf(frame: Frame): unknown {
  if (frame.text === undefined || frame.value !== undefined) return frame.value;
  // An empty reference is how some servers say that there is none.
  if (frame.reference !== undefined) return frame.text === '' ? undefined : moref(frame.reference, frame.text);
  return wordOf(frame.plan.type, frame.text);
}

export function closeFrame(frame: Frame): void {
  const value = valueOf(frame);
  if (value === undefined || frame.into === undefined) return;
  if (Array.isArray(frame.into)) {
    frame.into.push(value);
    return;
  }
  const present = frame.into[frame.name];
  if (frame.isArray) {
    if (Array.isArray(present)) present.push(value);
    else frame.into[frame.name] = [value];
  } else if (present !== undefined && frame.plan.type !== '' && frame.into['xsiType'] !== undefined && isLoose(frame)) {
    frame.into[frame.name] = Array.isArray(present) ? [...present, value] : [present, value];
  } else {
    frame.into[frame.name] = value;
  }
}

/** Repeated elements of an unknown type are a list, for want of a schema that says so. */
function isLoose(frame: Frame): boolean {
  return typeOf(String((frame.into as Bag)['xsiType'])) === undefined;
}
