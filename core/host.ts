import type { Moref } from './ids.ts';

export type HostConnection = 'connected' | 'disconnected' | 'not-responding';

/** An ESXi host as the watcher sees it. */
export interface HostRecord {
  readonly type: 'host';
  readonly name: string;
  readonly ref: Moref;
  readonly connection: HostConnection;
  readonly inMaintenance: boolean;
  readonly poweredOn: boolean;
  readonly cluster?: string;
  /** Of all cores together. */
  readonly cpuMhz: number;
  readonly cpuCores?: number;
  readonly memoryBytes: number;
  readonly updatedAt: string;
}

/** A volume store as the watcher sees it: its datastores with their space. `fault` says why it cannot be used. */
export interface StoreRecord {
  readonly type: 'store';
  readonly name: string;
  readonly target: { readonly type: 'datastore' | 'pod'; readonly name: string };
  readonly root: string;
  readonly backing: 'block' | 'files';
  readonly datastores: readonly {
    readonly name: string;
    readonly ref: Moref;
    readonly kind: string;
    readonly capacityBytes: number;
    readonly freeBytes: number;
    readonly accessible: boolean;
  }[];
  readonly capacityBytes: number;
  readonly freeBytes: number;
  readonly fault?: string;
  readonly updatedAt: string;
}
