// How the schema table is written. A field's type is a word of XML Schema, a type or an enumeration of the table, or
// `ManagedObjectReference`; `?` after it: may be absent; `[]` after it: any number, also none. Fields stand in the order
// in which vSphere wants them.

export type FieldSpecs = Readonly<Record<string, string>>;

/** A data object. Without `base` it extends vSphere's DynamicData, which has no fields. */
export interface ObjectType {
  readonly base?: string;
  readonly fields: FieldSpecs;
}

export interface EnumType {
  readonly values: readonly string[];
}

/**
 * A method of a managed object. `changes`: it alters something that lasts, so its caller must hold a claim and nobody
 * here sends it twice. `faults`: the ones it declares, beside those that every method may raise.
 */
export interface Operation {
  readonly on: string;
  readonly params: FieldSpecs;
  readonly result?: string;
  readonly changes?: true;
  readonly faults?: readonly string[];
}

/** Properties of managed objects that Stowage reads, by path. */
export type PropertyTable = Readonly<Record<string, FieldSpecs>>;
