import type { HostConnection } from '../host.ts';
import type { DatastorePath, DiskUuid, Moref, TaskRef } from '../ids.ts';
import type { DiskFormat } from '../volume.ts';
import type { Access } from './access.ts';
import type { Estates } from './estate.ts';
import type { EventLog } from './event-log.ts';
import type { Fence } from './fence.ts';
import type { Hosts } from './hosts.ts';
import type { Machines } from './machines.ts';
import type { Power } from './power.ts';

export type {
  AttachedDisk,
  DiskMode,
  DiskSlot,
  Machine,
  MachineDisk,
  Machines,
  ScsiController,
} from './machines.ts';

// What jobs need of vSphere. Reads take a signal, changes take a fence. Every method rejects with a StowageError only.
// A method that returns a TaskRef has only started something: the caller stores the reference, then waits for it.

/** vSphere's asynchronous Tasks, watched by one PropertyCollector loop in each process. */
export interface Tasks {
  /**
   * Resolves with the Task's result when it succeeds. Survives a lost session (logs in again, goes on watching).
   * @throws the translated fault when the Task failed; `vcenter-not-found` when vCenter does not know the Task (it restarted).
   */
  wait(
    ref: TaskRef,
    options: { readonly signal: AbortSignal; readonly onProgress?: (percent: number) => void },
  ): Promise<unknown>;
  /**
   * Tasks of ours that are queued or running: by method, by entity where the method has one, begun at or after `sinceMs`
   * (less a minute for clocks that differ). For a step whose call may have been accepted without the answer arriving.
   */
  inFlight(query: {
    readonly method: string;
    readonly entity?: Moref;
    readonly sinceMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly TaskRef[]>;
  /** Asks vCenter to cancel; a Task that cannot be cancelled goes on. */
  cancel(ref: TaskRef, signal: AbortSignal): Promise<void>;
}

/** Virtual disks that are attached to nothing (VirtualDiskManager). */
export interface Disks {
  /** The directory must exist. Task fault `vcenter-exists` when the file does. */
  create(
    spec: { readonly path: DatastorePath; readonly capacityBytes: number; readonly format: DiskFormat },
    fence: Fence,
  ): Promise<TaskRef>;
  copy(
    spec: { readonly from: DatastorePath; readonly to: DatastorePath; readonly format: DiskFormat },
    fence: Fence,
  ): Promise<TaskRef>;
  extend(spec: { readonly path: DatastorePath; readonly capacityBytes: number }, fence: Fence): Promise<TaskRef>;
  /** Task fault `vcenter-not-found` when it is gone already. */
  remove(path: DatastorePath, fence: Fence): Promise<TaskRef>;
  /** undefined: no such disk. */
  uuid(path: DatastorePath, signal: AbortSignal): Promise<DiskUuid | undefined>;
}

export interface FileEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  /** Only for virtual disks. */
  readonly capacityBytes?: number;
}

export interface LocalFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** Called with the bytes that are sent and read back so far, together twice the size at the end. */
  readonly onProgress?: (bytes: number) => void;
}

/** Files and directories on datastores (FileManager, HostDatastoreBrowser, /folder). */
export interface Files {
  /** Makes missing parents too. An existing directory is success: `existed`. */
  makeDirectory(path: DatastorePath, fence: Fence): Promise<'created' | 'existed'>;
  /** undefined: no such directory. Virtual disks are one entry each, with their capacity. */
  list(path: DatastorePath, signal: AbortSignal): Promise<readonly FileEntry[] | undefined>;
  /** Whole small files (at most 1 MiB). undefined: no such file. */
  read(path: DatastorePath, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Replaces. The directory must exist. */
  write(path: DatastorePath, bytes: Uint8Array, fence: Fence): Promise<void>;
  /**
   * As `write`, a file of this machine of any size, streamed; then all that is there is read back and compared with it, since HTTP checks
   * only the length. @throws `vcenter-garbled` when it differs
   */
  upload(path: DatastorePath, local: LocalFile, fence: Fence): Promise<void>;
  /** A file, or a directory with all in it. Task fault `vcenter-not-found` when it is gone already. */
  remove(path: DatastorePath, fence: Fence): Promise<TaskRef>;
  copy(from: DatastorePath, to: DatastorePath, fence: Fence): Promise<TaskRef>;
}

export interface HostFacts {
  readonly ref: Moref;
  readonly name: string;
  readonly connection: HostConnection;
  readonly inMaintenance: boolean;
  readonly poweredOn: boolean;
  readonly cluster?: string;
  /** Of all cores together. */
  readonly cpuMhz: number;
  readonly cpuCores?: number;
  readonly memoryBytes: number;
}

export interface DatastoreFacts {
  readonly ref: Moref;
  readonly name: string;
  /** vSphere's `summary.type`: VMFS, vsan, NFS, NFS41, vVOL. */
  readonly kind: string;
  /** The datastore cluster it is in. */
  readonly pod?: string;
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly accessible: boolean;
}

export interface NfsShare {
  readonly server: string;
  /** 0: the protocol's own. */
  readonly port: number;
  readonly path: string;
}

export interface InventorySnapshot {
  readonly hosts: readonly HostFacts[];
  readonly datastores: readonly DatastoreFacts[];
}

/** Hosts and datastores. */
export interface Inventory {
  read(signal: AbortSignal): Promise<InventorySnapshot>;
  /**
   * Calls `onChange` with the whole snapshot at once and then after every change, through the PropertyCollector loop. Resolves when
   * the signal fires. Survives lost sessions and vCenter restarts (a fresh snapshot follows).
   */
  watch(onChange: (snapshot: InventorySnapshot) => void, signal: AbortSignal): Promise<void>;
  /** Where an NFS datastore is exported, for others than hosts to mount; undefined: it is none. @throws `vcenter-not-found` */
  share(datastore: string, signal: AbortSignal): Promise<NfsShare | undefined>;
  /** Asks vSphere (RecommendDatastores) for the datastore of a pod on which a disk of this size should go. @throws `store-full` */
  recommend(pod: string, capacityBytes: number, signal: AbortSignal): Promise<string>;
}

export interface DataCentre {
  readonly tasks: Tasks;
  readonly disks: Disks;
  readonly files: Files;
  readonly machines: Machines;
  readonly power: Power;
  readonly hosts: Hosts;
  readonly estates: Estates;
  readonly access: Access;
  readonly eventLog: EventLog;
  readonly inventory: Inventory;
  /** One cheap authenticated read; resolves with vCenter's own clock and its name, rejects when a job could not run. */
  ping(signal: AbortSignal): Promise<{ readonly about: string; readonly apiVersion: string; readonly clock: string }>;
  /** Logs out, ends the loop, closes sockets. */
  close(): Promise<void>;
}
