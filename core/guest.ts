import { createHmac } from 'node:crypto';
import type { ContainerId, VolumeName } from './ids.ts';
import type { AccessMode } from './volume.ts';

// What is said of the inside of a container's machine. guest/PROTOCOL.md has it as it travels.

/** Where the guest finds what it mounts; `guestinfo.stowage.disks`. Disks are named by their uuids. */
export interface GuestDisks {
  /** The lowest first. */
  readonly layers: readonly string[];
  readonly scratch: string;
  readonly volumes: Readonly<Record<VolumeName, GuestVolume>>;
  /** Volumes that are directories on an NFS server. */
  readonly shares: Readonly<Record<VolumeName, GuestShare>>;
}

export interface GuestVolume {
  readonly uuid: string;
  /** What the device allows: a mount may still be read-only. */
  readonly access: AccessMode;
}

export interface GuestShare {
  readonly server: string;
  /** 0: the protocol's own. */
  readonly port: number;
  /** On the server. */
  readonly path: string;
}

export type GuestPhase = 'booting' | 'running' | 'exited' | 'failed';

/** How a guest stands, as it said last. */
export interface GuestState {
  readonly state: GuestPhase;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** Of `failed`: as Docker says it. */
  readonly message?: string;
  /** `run.startedAt` of the run that it is. */
  readonly startedAt?: string;
}

/** A piece of what the container's process wrote. */
export interface OutputRecord {
  readonly stream: 'stdout' | 'stderr';
  /** Nanoseconds since 1970, as the guest's clock had it. */
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
}

/**
 * What the guest of a container and its gateway know: nothing of it need be kept, and none of it lies in Redis.
 *
 * @param key the installation's
 */
export function guestSecretOf(key: string, container: ContainerId): string {
  return createHmac('sha256', key).update(`guest:${container}`).digest('hex');
}
