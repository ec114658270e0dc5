import type { Moref } from '../ids.ts';

/** An entry of vCenter's event log. */
export interface LoggedEvent {
  /** Rises with time within one vCenter; begins anew with some that restart. */
  readonly key: number;
  /** vCenter's clock, ISO 8601. */
  readonly at: string;
  /**
   * The type's name in vSphere's schema (`VmPoweredOnEvent`, `HostConnectionLostEvent`, `VmRestartedOnAlternateHostEvent`,
   * `VmFailoverFailed`, …), or the id of an event that has no type of its own (`com.vmware.vc.ha.VmRestartedByHAEvent`).
   */
  readonly type: string;
  /** vCenter's text, localized; for people. */
  readonly message: string;
  readonly user?: string;
  readonly machine?: NamedRef;
  readonly host?: NamedRef;
  /** Where a machine came from, for migrations and restarts. */
  readonly sourceHost?: NamedRef;
  /** The fault's type, for events of things that failed. */
  readonly reason?: string;
}

export interface NamedRef {
  readonly ref: Moref;
  readonly name: string;
}

export interface EventQuery {
  /** By vCenter's clock (`ping` tells it). */
  readonly sinceMs: number;
  /** Only those with a greater key: where an earlier read ended. */
  readonly afterKey?: number;
  /** Default all. A type stands for its heirs too. */
  readonly types?: readonly string[];
  /** Only of this object and what is below it (a machine, a host, a folder, a cluster). */
  readonly about?: Moref;
  /** At most so many, the oldest first; default 10,000. */
  readonly limit?: number;
}

/** vCenter's own record of what happened; it may lose entries in storms, so it tells the story and decides nothing. */
export interface EventLog {
  /** Oldest first. */
  read(query: EventQuery, signal: AbortSignal): Promise<readonly LoggedEvent[]>;
}
