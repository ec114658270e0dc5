import type { DatastorePath, DiskUuid, JobId, Moref, VolumeName } from './ids.ts';
import type { VolumeState } from './states.ts';

export const DISK_FORMATS = ['thin', 'zeroedthick', 'eagerzeroedthick'] as const;
export type DiskFormat = (typeof DISK_FORMATS)[number];
export const ACCESS_MODES = ['read-write', 'read-only'] as const;
export type AccessMode = (typeof ACCESS_MODES)[number];
export const FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs', 'none'] as const;
export type FileSystem = (typeof FILE_SYSTEMS)[number];

/** Where volumes of a store lie. block: a VMDK each, one writer. files: a directory each on an NFS datastore, shared. */
export type StoreBacking = 'block' | 'files';

/** A named place for volumes, from the configuration. */
export interface VolumeStore {
  readonly name: string;
  /** A datastore's name, or a datastore cluster's (StoragePod's), in which vSphere recommends the datastore. */
  readonly target: { readonly type: 'datastore' | 'pod'; readonly name: string };
  /** The folder below which `volumes/<name>/` are made; no slashes at its ends; may be empty. */
  readonly root: string;
}

/** What was asked for. Two creations of one name with equal specs are the same volume. */
export interface VolumeSpec {
  readonly store: string;
  readonly capacityBytes: number;
  readonly diskFormat: DiskFormat;
  readonly access: AccessMode;
  readonly fileSystem: FileSystem;
  readonly cloneFrom?: VolumeName;
  readonly labels: Readonly<Record<string, string>>;
}

/** Who has the volume's disk: a virtual machine, and the slot it is in. */
export interface VolumeHolder {
  readonly machine: Moref;
  readonly machineName: string;
  readonly access: AccessMode;
  readonly controllerKey?: number;
  readonly unit?: number;
  readonly diskKey?: number;
  readonly job?: JobId;
}

/** Where it lies. `home` has the document; the disk begins there and may be moved by Storage DRS, its uuid is kept. */
export interface VolumePlace {
  readonly datastore: string;
  readonly home: DatastorePath;
  readonly backing: StoreBacking;
  readonly disk?: { readonly path: DatastorePath; readonly uuid?: DiskUuid };
}

/** What Stowage knows of one volume. `flag` is what reconcile found amiss; nothing is deleted because of it. */
export interface VolumeRecord {
  readonly type: 'volume';
  readonly name: VolumeName;
  readonly state: VolumeState;
  readonly spec: VolumeSpec;
  readonly place?: VolumePlace;
  readonly holders: readonly VolumeHolder[];
  readonly createdAt: string;
  readonly updatedAt: string;
  /** The job that changed it last. */
  readonly job?: JobId;
  /** In state failed: what it was doing (only making and removing can stay half done), and why it stopped. */
  readonly failure?: { readonly during: 'creating' | 'deleting'; readonly message: string };
  readonly flag?: Flag;
}

/** Found amiss by reconcile, in so many passes one after another. Reported at the second; nothing is deleted because of it. */
export interface Flag {
  readonly reason: string;
  readonly passes: number;
  readonly since: string;
}

/** Something in a store's folder that Stowage did not make or cannot read; `name` is its datastore path. */
export interface StrayRecord {
  readonly type: 'stray';
  readonly name: DatastorePath;
  readonly store: string;
  readonly flag: Flag;
}

export const VOLUME_DOCUMENT = 'volume.json';

/**
 * `volume.json` in the volume's home: the truth from which a record is rebuilt. Written with `creating` before the disk is
 * made and with `available` after it (the done-marker), with `deleting` before the disk goes.
 */
export interface VolumeDocument {
  readonly stowage: 1;
  readonly name: VolumeName;
  readonly state: 'creating' | 'available' | 'deleting';
  readonly spec: VolumeSpec;
  readonly createdAt: string;
  readonly job: JobId;
  readonly disk?: { readonly path: DatastorePath; readonly uuid?: DiskUuid };
}
