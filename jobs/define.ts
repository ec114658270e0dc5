import type { z } from 'zod';
import type { ErrorCode } from '../core/error-codes.ts';
import type { ErrorFacts, FieldFault } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import type { JobId, Moref, ResourceKey, TaskRef } from '../core/ids.ts';
import type { ContainerWorld, RecoveryWorld } from '../core/container.ts';
import type { ImageStore, Platform } from '../core/image.ts';
import type { JobProgress, JsonObject } from '../core/job.ts';
import type { CredentialRequests } from '../core/ports/credentials.ts';
import type { DeadLetters } from '../core/ports/dead-letters.ts';
import type { DataCentre } from '../core/ports/data-centre.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { Guests } from '../core/ports/guests.ts';
import type { JobStore, RecordStore, Role, SubmitOutcome } from '../core/ports/jobs.ts';
import type { QueueServer } from '../core/ports/queue-server.ts';
import type { LayerMaker, Registry } from '../core/ports/registry.ts';
import type { RecordChange } from '../core/record.ts';
import type { VolumeStore } from '../core/volume.ts';

// What a job kind is: pure data and functions of ports. How it is run is the executor's business.

/** What the configuration says, as far as kinds need it. */
export interface World {
  readonly stores: ReadonlyMap<string, VolumeStore>;
  /** Absent: this installation takes no images. */
  readonly imageStore?: ImageStore;
  /** Of which an index is asked when the caller does not say. */
  readonly platform: Platform;
  /** Absent: this installation runs no containers. */
  readonly containers?: ContainerWorld;
  readonly recovery: RecoveryWorld;
}

/** What a submission may look at. */
export interface PrepareContext {
  readonly records: RecordStore;
  readonly world: World;
  readonly randomBytes: (size: number) => Uint8Array;
  now(): string;
}

/** What image kinds need beside vSphere. */
export interface ImagePorts {
  readonly registry: Pick<Registry, 'resolve' | 'examine'>;
  readonly layers: LayerMaker;
  readonly credentials: CredentialRequests;
}

/** What a kind's steps are given. `N` are the facts that its steps note for one another; they survive a crash. */
export interface StepContext<P, N> {
  readonly jobId: JobId;
  readonly actor: string;
  readonly payload: P;
  readonly notes: Readonly<Partial<N>>;
  readonly world: World;
  readonly dataCentre: DataCentre;
  readonly images: ImagePorts;
  readonly queueServer: QueueServer;
  /** Absent: machines have no guests. */
  readonly guests?: Guests;
  readonly records: RecordStore;
  readonly fence: Fence;
  /** The same as `fence.signal`. */
  readonly signal: AbortSignal;
  now(): string;
  /** For spans: milliseconds since some moment. */
  monotonicMs(): number;
  /** Stores what a step found before it is over: for one that goes through much, and is to go on there after a crash. @throws `claim-lost` */
  note(notes: Partial<N>): Promise<void>;
  /**
   * Starts the step's vSphere Task and waits for it; the only way for a step to run one. Its reference is stored before it is waited
   * for, and a later attempt waits for that Task before it asks `probe` or runs. When an earlier attempt may have started one
   * without storing the reference, Tasks of the step's method (on its entity) in flight are waited for instead.
   */
  task(start: () => Promise<TaskRef>): Promise<unknown>;
  /** For a job that is to be submitted once the id is noted: whoever undoes this job then knows it, wherever a crash was. */
  newJobId(): JobId;
  /**
   * Submits another job, of which this one is the parent. It must touch no resource in whose line this job stands, if it is waited for.
   * @param id noted before; a second submission of it changes nothing
   * @param options.front ahead of all jobs in its lines; the one that holds them runs again afterwards
   */
  submit(kind: string, payload: JsonObject, id?: JobId, options?: { readonly front?: boolean }): Promise<SubmitOutcome>;
  readonly jobs: Pick<JobStore, 'read' | 'list' | 'cancel' | 'discard'>;
  readonly deadLetters: Pick<DeadLetters, 'select' | 'count' | 'redrive' | 'discard' | 'tally'>;
  /** For people who watch; says nothing more often than a few times a second. */
  progress(progress: JobProgress): void;
  warn(message: string, data: JsonObject): void;
}

export interface StepResult<N> {
  readonly notes?: Partial<N>;
  readonly records?: readonly RecordChange[];
  readonly events?: readonly NewEvent[];
  /** Ends the job here, as succeeded: what was asked for is already so. */
  readonly done?: JsonObject;
  /** The step is not done: it is run again when these jobs are over, or one has failed, and no worker is held meanwhile. */
  readonly awaits?: readonly JobId[];
  /** The step is not done: it is run again after this time, and no worker is held meanwhile. */
  readonly laterMs?: number;
  /** What this step found has overtaken what steps before it did: the job goes on at the named one, which runs anew. */
  readonly backTo?: string;
}

/**
 * The unit of idempotence. `probe` is asked when an earlier attempt began the step and did not finish it: a result means that it is
 * so already, undefined means run it. `run` must bear that its effect is there. `undo` takes the effect back, also of a
 * step that was only begun, and also twice.
 */
export interface Step<P, N> {
  readonly name: string;
  /** false: there is nothing to do in this job, and the step is skipped. Decided from payload and notes alone. */
  readonly applies?: (context: StepContext<P, N>) => boolean;
  /** Reads and writes only records: no intent need be stored before it runs. */
  readonly isLocal?: boolean;
  /** The method of the one Task that it starts, and the object that the Task will be listed under where that is known. */
  readonly task?: { readonly method: string; readonly entity?: (context: StepContext<P, N>) => Moref | undefined };
  /** The same of the Task that `undo` starts. */
  readonly undoTask?: Step<P, N>['task'];
  readonly probe?: (context: StepContext<P, N>) => Promise<StepResult<N> | undefined>;
  readonly run: (context: StepContext<P, N>) => Promise<StepResult<N>>;
  readonly undo?: (context: StepContext<P, N>) => Promise<void>;
}

export interface Retry {
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** Errors that spend no attempt, whatever their disposition: the kind waits them out, as long as its deadline lets it. */
  readonly patientWith?: readonly ErrorCode[];
}

/** What stays of a job that failed for good, after its undo: e.g. the record goes back to what it was. */
export interface Abandon {
  readonly records?: readonly RecordChange[];
  readonly events?: readonly NewEvent[];
}

export interface Kind<P = unknown, N = unknown> {
  /** `<noun>.<verb>`. */
  readonly kind: string;
  readonly summary: string;
  /** The least role that may submit it. */
  readonly role: Role;
  /** The queue it waits in: long or urgent kinds do not stand in others' way. */
  readonly lane: string;
  /** Its input is what callers send (and what is stored); its output is what steps see. */
  readonly payload: z.ZodType<P>;
  readonly result: z.ZodType;
  /** Faults that only the configuration can show. Pointers are relative to the payload. */
  readonly check?: (payload: P, world: World) => readonly FieldFault[];
  /**
   * Completes a payload before it is stored: with what is to be chosen once (an id), and with resources that only a record names, of the
   * kind that never changes. What the caller sent under these names is overwritten.
   */
  readonly prepare?: (payload: P, context: PrepareContext) => Promise<JsonObject>;
  /** The lines it stands in. */
  readonly resources: (payload: P) => readonly ResourceKey[];
  /** Submissions join an open job of the same kind, resources and payload when true. */
  readonly joins: boolean;
  readonly retry: Retry;
  /** From its first start to its end. */
  readonly deadlineMs: number;
  readonly steps: readonly Step<P, N>[];
  /** The result, from the notes, when all steps are done. */
  readonly finish: (context: StepContext<P, N>) => JsonObject;
  /** @param undone whether every undo succeeded */
  readonly abandon?: (context: StepContext<P, N>, error: ErrorFacts, undone: boolean) => Promise<Abandon>;
}

/** A kind whose types are forgotten, as the catalogue holds it: its own schema parses a payload before a step sees it. */
export type AnyKind = Kind<unknown, JsonObject>;

/** Checks a kind's types against one another, then forgets them. */
export function defineKind<P, N>(kind: Kind<P, N>): AnyKind {
  return kind as unknown as AnyKind;
}
