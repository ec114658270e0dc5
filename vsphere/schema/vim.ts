import type { Moref } from '../../core/ids.ts';
import type { ENUMS, EnumName, ManagedType, OPERATIONS, OperationName, PROPERTIES, TYPES, TypeName } from './table.ts';

// TypeScript's view of the schema table. A value that may be of several types carries `xsiType`, as `xsi:type` on the wire.
// dateTime is ISO 8601 text. long is a number: what is beyond 2^53 (9 PB in bytes) is the nearest one.

interface Words {
  readonly string: string;
  readonly short: number;
  readonly int: number;
  readonly long: number;
  readonly boolean: boolean;
  readonly dateTime: string;
  readonly anyType: unknown;
  readonly ManagedObjectReference: Moref;
}

type BaseOf<T extends TypeName> = (typeof TYPES)[T] extends { readonly base: infer B extends TypeName } ? B : never;
type IsA<K extends TypeName, T extends TypeName> = [BaseOf<K>] extends [never]
  ? false
  : BaseOf<K> extends T
    ? true
    : IsA<BaseOf<K>, T>;
type HeirOf<T extends TypeName> = { [K in TypeName]: IsA<K, T> extends true ? K : never }[TypeName];

type Value<T extends string> = T extends keyof Words
  ? Words[T]
  : T extends EnumName
    ? (typeof ENUMS)[T]['values'][number]
    : T extends TypeName
      ? Any<T>
      : never;

type Spec<S> = S extends `${infer T}[]`
  ? readonly Value<T>[]
  : S extends `${infer T}?`
    ? Value<T>
    : S extends string
      ? Value<S>
      : never;
type Absent = `${string}[]` | `${string}?`;
type Fields<F> = { readonly [K in keyof F as F[K] extends Absent ? never : K]: Spec<F[K]> } & {
  readonly [K in keyof F as F[K] extends Absent ? K : never]?: Spec<F[K]> | undefined;
};
type AllFields<T extends TypeName> = Fields<(typeof TYPES)[T]['fields']> &
  ([BaseOf<T>] extends [never] ? unknown : AllFields<BaseOf<T>>);

/** Exactly this type. */
export type Vim<T extends TypeName> = AllFields<T> &
  ([BaseOf<T>] extends [never] ? { readonly xsiType?: T } : { readonly xsiType: T });

/** This type or an heir of it: what a field declared with it may hold. */
type Any<T extends TypeName> = { [K in T | HeirOf<T>]: Vim<K> }[T | HeirOf<T>];

export type Params<K extends OperationName> = Fields<(typeof OPERATIONS)[K]['params']>;

export type Result<K extends OperationName> = (typeof OPERATIONS)[K] extends { readonly result: infer R }
  ? R extends Absent
    ? Spec<R> | undefined
    : Spec<R>
  : undefined;

export type PropertyPath<T extends ManagedType> = keyof (typeof PROPERTIES)[T] & string;

/** Properties as read: each may be missing (no permission, or the object has none). */
export type Properties<T extends ManagedType, P extends PropertyPath<T>> = {
  readonly [K in P]?: Spec<(typeof PROPERTIES)[T][K]>;
};
