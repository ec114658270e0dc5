import type { Moref, TaskRef } from '../ids.ts';
import type { Fence } from './fence.ts';

/** A host on which a machine could run now. */
export interface HostChoice {
  readonly host: Moref;
  readonly name: string;
  /** Memory that running machines leave; what was promised to others meanwhile is not in it. */
  readonly freeMemoryBytes: number;
  /** Whether DRS named it. */
  readonly isRecommended: boolean;
}

export interface RankQuery {
  /** A ComputeResource or cluster. */
  readonly cluster: Moref;
  readonly cpus: number;
  readonly memoryMib: number;
  /** Names of datastores that the host must reach: of the home, the layers and the volumes. */
  readonly datastores: readonly string[];
  /** Hosts that are out of the question, e.g. the one that failed. */
  readonly except?: readonly Moref[];
}

/** Where machines run. */
export interface Hosts {
  /**
   * Connected hosts, powered on and not in maintenance, that reach all the datastores: those that DRS recommends (PlaceVm) first and in its
   * order, then the others by free memory, those with too little of it left out. Empty: it fits nowhere now. Where DRS is off, only by memory.
   */
  rank(query: RankQuery, signal: AbortSignal): Promise<readonly HostChoice[]>;
  /**
   * RelocateVM_Task to a host of the same cluster; files stay. On a machine that runs it is vMotion. Already there: success. `vcenter-state`
   * when a host does not answer or is in maintenance, `hosts-full` when it cannot run there.
   */
  migrate(machine: Moref, host: Moref, fence: Fence): Promise<TaskRef>;
  /**
   * EnterMaintenanceMode_Task: ends when nothing runs on the host any more. DRS moves what runs there; without DRS the caller does, meanwhile.
   * `evacuateOff` moves powered-off machines too. Task fault `vcenter-busy` after `timeoutSeconds` (0: never), `vcenter-state` when it is in
   * maintenance already.
   */
  enterMaintenance(
    host: Moref,
    options: { readonly timeoutSeconds: number; readonly evacuateOff: boolean },
    fence: Fence,
  ): Promise<TaskRef>;
  /** Task fault `vcenter-state` when it is not in maintenance. */
  exitMaintenance(host: Moref, options: { readonly timeoutSeconds: number }, fence: Fence): Promise<TaskRef>;
}
