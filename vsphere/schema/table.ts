import { accessOperations, accessTypes } from './access.ts';
import type { EnumType, FieldSpecs, ObjectType, Operation, PropertyTable } from './define.ts';
import { eventEnums, eventOperations, eventTypes } from './event.ts';
import { machineEnums, machineOperations, machineProperties, machineTypes } from './machine.ts';
import { placementEnums, placementOperations, placementProperties, placementTypes } from './placement.ts';
import { propertyEnums, propertyOperations, propertyTypes } from './property.ts';
import { sessionOperations, sessionTypes } from './session.ts';
import { storageOperations, storageTypes } from './storage.ts';
import { taskEnums, taskOperations, taskProperties, taskTypes } from './task.ts';

// The part of vim25 that Stowage speaks, in one table. From it come the WSDL for node-soap (wsdl.ts), the types
// (vim.ts), the codec's plans and the validation of requests (codec/). What vSphere sends beyond it is skipped.

export const TYPES = {
  ...sessionTypes,
  ...propertyTypes,
  ...taskTypes,
  ...storageTypes,
  ...machineTypes,
  ...placementTypes,
  ...eventTypes,
  ...accessTypes,
} as const satisfies Readonly<Record<string, ObjectType>>;

export const ENUMS = {
  ...propertyEnums,
  ...taskEnums,
  ...machineEnums,
  ...placementEnums,
  ...eventEnums,
} as const satisfies Readonly<Record<string, EnumType>>;

export const OPERATIONS = {
  ...sessionOperations,
  ...propertyOperations,
  ...taskOperations,
  ...storageOperations,
  ...machineOperations,
  ...placementOperations,
  ...eventOperations,
  ...accessOperations,
} as const satisfies Readonly<Record<string, Operation>>;

export const PROPERTIES = {
  ...taskProperties,
  ...machineProperties,
  ...placementProperties,
} as const satisfies PropertyTable;

export type TypeName = keyof typeof TYPES;
export type EnumName = keyof typeof ENUMS;
export type OperationName = keyof typeof OPERATIONS;
export type ManagedType = keyof typeof PROPERTIES;

export interface FieldSpec {
  readonly name: string;
  readonly type: string;
  readonly isArray: boolean;
  readonly isRequired: boolean;
}

export function parseSpec(name: string, spec: string): FieldSpec {
  const isArray = spec.endsWith('[]');
  const isOptional = spec.endsWith('?');
  const type = isArray ? spec.slice(0, -2) : isOptional ? spec.slice(0, -1) : spec;
  return { name, type, isArray, isRequired: !isArray && !isOptional };
}

export function parseSpecs(specs: FieldSpecs): readonly FieldSpec[] {
  return Object.entries(specs).map(([name, spec]) => parseSpec(name, spec));
}

export function typeOf(name: string): ObjectType | undefined {
  return Object.hasOwn(TYPES, name) ? TYPES[name as TypeName] : undefined;
}

export function enumOf(name: string): EnumType | undefined {
  return Object.hasOwn(ENUMS, name) ? ENUMS[name as EnumName] : undefined;
}

export function operationOf(name: OperationName): Operation {
  return OPERATIONS[name];
}

/** The type and its ancestors, the eldest first: the order in which vSphere wants their fields. */
export function lineage(name: string): readonly string[] {
  const base = typeOf(name)?.base;
  return base === undefined ? [name] : [...lineage(base), name];
}

export function fieldsOf(name: string): readonly FieldSpec[] {
  return lineage(name).flatMap((ancestor) => parseSpecs(typeOf(ancestor)?.fields ?? {}));
}
