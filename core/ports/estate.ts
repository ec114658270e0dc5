import type { Moref } from '../ids.ts';
import type { Fence } from './fence.ts';

/** Where Stowage's machines live in vCenter's inventory. */
export interface Estate {
  readonly folder: Moref;
  readonly pool: Moref;
  /** A cluster, or the compute resource of a host that is in none. */
  readonly cluster: Moref;
}

export interface ClusterFacts {
  readonly ref: Moref;
  readonly name: string;
  readonly hosts: readonly Moref[];
  /** Its root resource pool. */
  readonly pool?: Moref;
  /** Whether DRS is on. */
  readonly drs: boolean;
  /** Whether vSphere HA is on: it then restarts machines of failed hosts by itself. */
  readonly ha: boolean;
}

export interface NetworkFacts {
  readonly ref: Moref;
  readonly name: string;
}

/** The rooms that Stowage has in vCenter. Hosts and datastores are in Inventory. */
export interface Estates {
  /** Clusters, and hosts that are in none. */
  clusters(signal: AbortSignal): Promise<readonly ClusterFacts[]>;
  /** Networks and distributed port groups of the datacenter. */
  networks(signal: AbortSignal): Promise<readonly NetworkFacts[]>;
  /**
   * The VM folder in the datacenter's own, and the pool in the cluster's root pool, by these names: made where they are missing, used where
   * they are there. Idempotent, also for several at once: who comes second uses what the first made. An adopted pool keeps its limits.
   * @throws `vcenter-not-found` no such cluster; `vcenter-invalid` several clusters and none named
   */
  ensure(
    names: { readonly folder: string; readonly pool: string; readonly cluster?: string },
    fence: Fence,
  ): Promise<Estate>;
  /** What `ensure` would find, without making anything. undefined: one of them is missing. */
  find(
    names: { readonly folder: string; readonly pool: string; readonly cluster?: string },
    signal: AbortSignal,
  ): Promise<Estate | undefined>;
}
