import type { DatastorePath, DiskUuid, MachineUuid, Moref, TaskRef } from '../ids.ts';
import type { Fence } from './fence.ts';

// Virtual machines: what they are, how they come and go, and what is attached to them. Their power is in power.ts, where they
// run in hosts.ts.

export type PowerState = 'on' | 'off' | 'suspended';

/**
 * vSphere's word for what vCenter knows of a machine. Only `connected` says that the rest is fresh: `disconnected` is a host that vCenter
 * does not reach (the machine may run), `orphaned` a host that no longer knows it, `inaccessible` and `invalid` a .vmx that cannot be read.
 */
export type MachineConnection = 'connected' | 'disconnected' | 'orphaned' | 'inaccessible' | 'invalid';

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

/** A machine as the watch tells it. What vCenter cannot read (see MachineConnection) is absent, lists are empty. */
export interface WatchedMachine {
  readonly ref: Moref;
  readonly name: string;
  /** Its BIOS uuid. */
  readonly uuid?: MachineUuid;
  /** Goes into a reconfigure: a change in between makes it fail with `vcenter-conflict`. */
  readonly changeVersion: string;
  readonly power: PowerState;
  readonly connected: boolean;
  readonly connection: MachineConnection;
  /** The host that it is registered on, also while that host is away. */
  readonly host?: Moref;
  readonly vmxPath?: DatastorePath;
  readonly controllers: readonly ScsiController[];
  readonly disks: readonly MachineDisk[];
}

export interface Machine extends WatchedMachine {
  readonly cpus?: number;
  readonly memoryMib?: number;
  readonly extraConfig: Readonly<Record<string, string>>;
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

export interface NewDisk {
  readonly path: DatastorePath;
  readonly slot: DiskSlot;
  readonly mode: DiskMode;
}

/** Which view of a machine a change was decided on. */
export interface MachineVersion {
  readonly machine: Moref;
  /** '' : whatever it is now. */
  readonly changeVersion: string;
}

/** Which CPU and memory a machine gets. */
export interface MachineSize {
  readonly cpus: number;
  /** vSphere's `cpuAllocation.limit`, of all CPUs together: Docker's `--cpus`, in MHz of the host. Without it there is no limit. */
  readonly cpuLimitMhz?: number;
  /** vSphere wants a multiple of 4. */
  readonly memoryMib: number;
}

/** A container's machine. */
export interface MachineSpec extends MachineSize {
  readonly name: string;
  readonly uuid: MachineUuid;
  /**
   * `[ds] <root>/containers/<id>/<id>.vmx`: a path of our own makes a second creation fail. The home directory is made when it is missing,
   * the one above it must exist.
   */
  readonly vmxPath: DatastorePath;
  readonly folder: Moref;
  readonly pool: Moref;
  /** Without it vCenter chooses; power-on by DRS chooses again. */
  readonly host?: Moref;
  /** Default `otherLinux64Guest`. */
  readonly guestId?: string;
  /**
   * Existing disks, the lowest first, attached `independent_nonpersistent` to units 0-6 and 8-15 of PVSCSI controllers 0-3 in this order; where
   * those do not suffice, to units 0-6 and 8-64 (vSphere 6.7 and later). 127 at most.
   */
  readonly layers: readonly DatastorePath[];
  /** Made thin with the machine, `independent_persistent`, in the slot after the last layer. */
  readonly scratch: { readonly path: DatastorePath; readonly capacityBytes: number };
  /** A network by its name (standard or distributed port group) for one vmxnet3. Without it, no NIC. */
  readonly network?: string;
  /** Where a serial port dials, `tcp://host:port`: the line to the guest. Without it, no serial port. */
  readonly serial?: string;
  /** An image that it boots from, in a CD-ROM drive. Without it, no drive. */
  readonly bootImage?: DatastorePath;
  /** `guestinfo.stowage.*` and the like. `disk.EnableUUID` is set besides. */
  readonly extraConfig: Readonly<Record<string, string>>;
}

/** What the watch tells: after the first, which is whole, only what changed. A whole one comes again after a lost session or a restart. */
export interface MachinesChange {
  /** `machines` are all that there are: forget every other. */
  readonly isWhole: boolean;
  /** New, or changed in any of their fields. */
  readonly machines: readonly WatchedMachine[];
  /** No longer in the folder: destroyed, unregistered, or moved out of it. */
  readonly gone: readonly Moref[];
}

/**
 * Virtual machines. Changes to one are one ReconfigVM_Task each, with the changeVersion that the caller read: the same call sent twice
 * fails the second time with `vcenter-conflict`, and a fresh read shows what the first one did.
 */
export interface Machines {
  /** By inventory name or moref (`vm-42` or `VirtualMachine:vm-42`). @throws `vcenter-invalid` when several have the name (they are listed). */
  find(nameOrMoref: string, signal: AbortSignal): Promise<Machine | undefined>;
  /** All that have this BIOS uuid: more than one when a machine that was re-homed came back with its host, or somebody copied it. */
  findByUuid(uuid: MachineUuid, signal: AbortSignal): Promise<readonly Machine[]>;
  /** All machines in a folder and the folders in it. @throws `vcenter-not-found` when the folder is gone */
  list(folder: Moref, signal: AbortSignal): Promise<readonly Machine[]>;
  /** Every machine that has a disk with one of these uuids or paths attached, with just those disks. Reads all machines, in pages. */
  findByDisk(
    wanted: { readonly uuids?: readonly DiskUuid[]; readonly paths?: readonly DatastorePath[] },
    signal: AbortSignal,
  ): Promise<readonly AttachedDisk[]>;
  /**
   * Calls `onChange` with all machines of the folder at once and then with what changed, through the PropertyCollector loop. Resolves when
   * the signal fires. Survives lost sessions and vCenter restarts. Changes that come in one answer are told in one call.
   * @throws `vcenter-not-found` when the folder is gone
   */
  watch(folder: Moref, onChange: (change: MachinesChange) => void, signal: AbortSignal): Promise<void>;
  /**
   * One CreateVM_Task, powered off; its result is the machine's moref (`createdMachine` reads it). Task fault `vcenter-exists` when the name
   * is taken in the folder or the .vmx is there: `findByUuid` then finds what an earlier call made. `vcenter-not-found`: a layer, the network
   * or the directory above the home is missing; nothing is left but, if the caller had made it, the home. `machine-full`, before anything is
   * sent: more than 127 layers.
   */
  create(spec: MachineSpec, fence: Fence): Promise<TaskRef>;
  /** The moref in the result of a `create` or `register` Task. @throws `vcenter-garbled` */
  createdMachine(result: unknown): Moref;
  /**
   * Puts a .vmx that is on a datastore back into the inventory, with all its configuration, under a new moref. Task fault `vcenter-exists`
   * when it is registered already (here or elsewhere) or the name is taken; `vcenter-not-found` when there is no such file.
   */
  register(
    spec: {
      readonly vmxPath: DatastorePath;
      readonly name: string;
      readonly folder: Moref;
      readonly pool: Moref;
      readonly host?: Moref;
    },
    fence: Fence,
  ): Promise<TaskRef>;
  /**
   * Out of the inventory at once (no Task), with all files kept. A machine that is gone already is success. `vcenter-state` while it is on,
   * on a host that answers; on one that does not, it only leaves vCenter: what runs there runs on.
   */
  unregister(machine: Moref, fence: Fence): Promise<void>;
  /**
   * Destroy_Task: the machine, its home and EVERY disk that is still attached are deleted. Callers detach first (`detachAllBut` the scratch
   * disk). Task fault `vcenter-not-found` when it is gone already, `vcenter-state` while it is on, `file-locked` when a disk is open elsewhere.
   */
  destroy(machine: Moref, fence: Fence): Promise<TaskRef>;
  /** MoveIntoFolder_Task: into another VM folder, whatever its power. Task fault `vcenter-exists` when the name is taken there. */
  moveInto(machine: Moref, folder: Moref, fence: Fence): Promise<TaskRef>;
  /** Rename_Task. Task fault `vcenter-exists` when the name is taken in its folder, by some vCenters also when it is its own: probe first. */
  rename(machine: Moref, name: string, fence: Fence): Promise<TaskRef>;
  /**
   * What is absent stays. A value '' in `extraConfig` takes the key away. CPUs and memory of a running machine: `vcenter-state`. Disks come and
   * go as with `attachAll` and `detachAll`, in the same Task.
   */
  reconfigure(
    spec: MachineVersion & {
      readonly attach?: readonly NewDisk[];
      readonly detachKeys?: readonly number[];
      readonly cpus?: number;
      readonly cpuLimitMhz?: number | 'unlimited';
      readonly memoryMib?: number;
      readonly extraConfig?: Readonly<Record<string, string>>;
    },
    fence: Fence,
  ): Promise<TaskRef>;
  attach(spec: MachineVersion & NewDisk, fence: Fence): Promise<TaskRef>;
  /** All of them or none, in one Task. Slots that name the same new bus share one new controller. `file-locked`: one of them is open elsewhere. */
  attachAll(spec: MachineVersion & { readonly disks: readonly NewDisk[] }, fence: Fence): Promise<TaskRef>;
  /** Takes the device away and keeps the file. */
  detach(spec: MachineVersion & { readonly diskKey: number }, fence: Fence): Promise<TaskRef>;
  /** All of them or none, in one Task; files are kept. `vcenter-invalid` when one of the keys is not there. */
  detachAll(spec: MachineVersion & { readonly diskKeys: readonly number[] }, fence: Fence): Promise<TaskRef>;
  /**
   * Reads the machine's disks, also those of kinds that `disks` does not list, and takes all away but those with these keys; files are kept.
   * undefined: there is none to take away. @throws `vcenter-not-found`
   */
  detachAllBut(machine: Moref, keepKeys: readonly number[], fence: Fence): Promise<TaskRef | undefined>;
  /** Grows an attached disk. */
  extend(
    spec: MachineVersion & { readonly diskKey: number; readonly capacityBytes: number },
    fence: Fence,
  ): Promise<TaskRef>;
}
