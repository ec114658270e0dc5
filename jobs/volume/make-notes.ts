import type { DatastorePath } from '../../core/ids.ts';
import type { VolumePlace, VolumeSpec } from '../../core/volume.ts';
import type { StepContext, StepResult } from '../define.ts';
import type { VolumeRequest } from './options.ts';

/** What the steps of a creation note for one another. */
export interface MakeNotes {
  readonly spec: VolumeSpec;
  readonly place: VolumePlace;
  /** Of record and document alike. */
  readonly createdAt: string;
  /** Of a clone. */
  readonly sourceDisk?: DatastorePath;
  readonly sourceData?: DatastorePath;
}
export type MakeContext = StepContext<VolumeRequest, MakeNotes>;
export type MakeResult = StepResult<MakeNotes>;
