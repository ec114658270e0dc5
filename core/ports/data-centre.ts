import type { HostConnection } from '../host.ts';
import type { DatastorePath, DiskUuid, Moref, TaskRef } from '../ids.ts';
import type { DiskFormat } from '../volume.ts';
import type { Fence } from './fence.ts';

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
  /** Called with the bytes that are sent so far. */
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
  /** As `write`, a file of this machine of any size, streamed. What is there must be compared then: HTTP checks only its length. */
  upload(path: DatastorePath, local: LocalFile, fence: Fence): Promise<void>;
  /** Reads the whole file, of any size, and compares it with one of this machine. */
  compare(path: DatastorePath, local: LocalFile, signal: AbortSignal): Promise<'same' | 'different' | 'missing'>;
  /** A file, or a directory with all in it. Task fault `vcenter-not-found` when it is gone already. */
  remove(path: DatastorePath, fence: Fence): Promise<TaskRef>;
  copy(from: DatastorePath, to: DatastorePath, fence: Fence): Promise<TaskRef>;
}

export type PowerState = 'on' | 'off' | 'suspended';

export interface MachineDisk {
  readonly key: number;
  readonly controllerKey: number;
  readonly unit: number;
  readonly path: DatastorePath;
  readonly uuid?: DiskUuid;
  readonly capacityBytes: number;
  /** vSphere's `diskMode`. */
  readonly mode: string;
}

export interface ScsiController {
  readonly key: number;
  readonly bus: number;
  /** The type's name in vSphere's schema, e.g. `ParaVirtualSCSIController`. */
  readonly type: string;
  /** Of any device on it, and the controller's own unit 7. */
  readonly takenUnits: readonly number[];
}

export interface Machine {
  readonly ref: Moref;
  readonly name: string;
  /** Goes into a reconfigure: a change in between makes it fail with `vcenter-conflict`. */
  readonly changeVersion: string;
  readonly power: PowerState;
  readonly connected: boolean;
  readonly host?: Moref;
  readonly controllers: readonly ScsiController[];
  readonly disks: readonly MachineDisk[];
}

/** A free place for a disk: on a controller that is there, or on a new PVSCSI controller made in the same reconfigure. */
export type DiskSlot =
  | { readonly controller: 'existing'; readonly controllerKey: number; readonly unit: number }
  | { readonly controller: 'new'; readonly bus: number; readonly unit: number };

/** independent_persistent: read-write, left out of snapshots. independent_nonpersistent: writes are thrown away at power-off. */
export type DiskMode = 'independent_persistent' | 'independent_nonpersistent';

/** A disk and the machine that has it. */
export interface AttachedDisk {
  readonly machine: Moref;
  readonly name: string;
  readonly power: PowerState;
  readonly disk: MachineDisk;
}

/** Virtual machines. Each change is one ReconfigVM_Task with the machine's changeVersion. */
export interface Machines {
  /** By inventory name or moref (`vm-42` or `VirtualMachine:vm-42`). @throws `vcenter-invalid` when several have the name (they are listed). */
  find(nameOrMoref: string, signal: AbortSignal): Promise<Machine | undefined>;
  /** Every machine that has a disk with one of these uuids or paths attached, with just those disks. Reads all machines, in pages. */
  findByDisk(
    wanted: { readonly uuids?: readonly DiskUuid[]; readonly paths?: readonly DatastorePath[] },
    signal: AbortSignal,
  ): Promise<readonly AttachedDisk[]>;
  attach(
    spec: {
      readonly machine: Moref;
      readonly changeVersion: string;
      readonly path: DatastorePath;
      readonly slot: DiskSlot;
      readonly mode: DiskMode;
    },
    fence: Fence,
  ): Promise<TaskRef>;
  /** Takes the device away and keeps the file. */
  detach(
    spec: { readonly machine: Moref; readonly changeVersion: string; readonly diskKey: number },
    fence: Fence,
  ): Promise<TaskRef>;
  /** Grows an attached disk. */
  extend(
    spec: {
      readonly machine: Moref;
      readonly changeVersion: string;
      readonly diskKey: number;
      readonly capacityBytes: number;
    },
    fence: Fence,
  ): Promise<TaskRef>;
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
  /** Asks vSphere (RecommendDatastores) for the datastore of a pod on which a disk of this size should go. @throws `store-full` */
  recommend(pod: string, capacityBytes: number, signal: AbortSignal): Promise<string>;
}

export interface DataCentre {
  readonly tasks: Tasks;
  readonly disks: Disks;
  readonly files: Files;
  readonly machines: Machines;
  readonly inventory: Inventory;
  /** One cheap authenticated read; resolves with vCenter's own clock and its name, rejects when a job could not run. */
  ping(signal: AbortSignal): Promise<{ readonly about: string; readonly apiVersion: string; readonly clock: string }>;
  /** Logs out, ends the loop, closes sockets. */
  close(): Promise<void>;
}
