import type { JsonObject } from '../../core/job.ts';
import type { ContainerState, JobState, VolumeState } from '../../core/states.ts';
import type { Stage } from './stage.ts';

/** What must be so after the job, whatever died meanwhile. */
export type After = VolumeAfter | ImageAfter | LayerAfter | ContainerAfter;

export interface VolumeAfter {
  readonly type: 'volume';
  readonly name: string;
  /** undefined: no record, no disk, no file. */
  readonly state: VolumeState | undefined;
  readonly backing?: 'block' | 'files';
  readonly capacityBytes?: number;
  /** How many machines have its disk. */
  readonly devices?: number;
}

export interface ImageAfter {
  readonly type: 'image';
  /** Its id. */
  readonly name: string;
  /** In canonical spelling; undefined: no record, no file. */
  readonly names: readonly string[] | undefined;
}

export interface LayerAfter {
  readonly type: 'layer';
  /** Its diffID. */
  readonly name: string;
  /** false: no record, no disk, no file. */
  readonly isThere: boolean;
}

export interface ContainerAfter {
  readonly type: 'container';
  /** What people call it. */
  readonly name: string;
  /** undefined: no record, no name, no machine, no file. A running one has its volumes, one that is off has none. */
  readonly state: ContainerState | undefined;
  readonly hasError?: boolean;
  /** Its layers were taken out of its machine, which could not be destroyed then. */
  readonly isStripped?: boolean;
}

/** One way to run a kind. `name` is fresh for each run, and so is what setup makes. */
export interface Scenario {
  readonly title: string;
  readonly setup?: (stage: Stage, name: string) => Promise<unknown>;
  readonly payload: (name: string, stage: Stage) => JsonObject | Promise<JsonObject>;
  /** The boundary at which the job is cancelled. */
  readonly cancelAt?: string;
  /** The boundary of a child of the job at which the job is cancelled; it waits for its children then. */
  readonly cancelAtChild?: string;
  /** Default: succeeded. */
  readonly ends?: JobState;
  readonly after: (name: string, stage: Stage) => readonly After[] | Promise<readonly After[]>;
}
