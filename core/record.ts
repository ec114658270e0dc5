import type { ContainerNameRecord, ContainerRecord } from './container.ts';
import type { HostRecord, StoreRecord } from './host.ts';
import type { ImageRecord, LayerRecord } from './image.ts';
import type { StrayRecord, VolumeRecord } from './volume.ts';

/** Every record there is, told apart by `type`. */
export type AnyRecord =
  | VolumeRecord
  | ImageRecord
  | LayerRecord
  | ContainerRecord
  | ContainerNameRecord
  | HostRecord
  | StoreRecord
  | StrayRecord;
export type RecordType = AnyRecord['type'];
export type RecordOf<T extends RecordType> = Extract<AnyRecord, { readonly type: T }>;

/** A record with its revision: 1 after the first write, one more after each. An absent record has revision 0. */
export interface Versioned<R extends AnyRecord = AnyRecord> {
  readonly rev: number;
  readonly record: R;
}

/** One write of a transaction: it fails as a whole when `expectedRev` is not the record's revision. */
export type RecordChange =
  | { readonly op: 'put'; readonly record: AnyRecord; readonly expectedRev: number }
  | { readonly op: 'remove'; readonly type: RecordType; readonly name: string; readonly expectedRev: number };
