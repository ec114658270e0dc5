// What the account that Stowage uses in vCenter may do, for whoever examines an installation.

/** Where Stowage works, by the names of the configuration. */
export interface AccessPlaces {
  readonly datastores: readonly string[];
  /** Absent: this installation runs no containers. */
  readonly containers?: {
    readonly folder: string;
    readonly pool: string;
    readonly cluster?: string;
    readonly network: string;
  };
}

export interface MissingPrivilege {
  /** As the API has it, e.g. `Datastore.FileManagement`. */
  readonly id: string;
  /** As the vSphere Client has it. */
  readonly label: string;
  /** The object on which it is missing, e.g. `datastore shared-1`. */
  readonly on: string;
  /** What does not work without it. */
  readonly uses: readonly string[];
}

export interface AccessFindings {
  /** As whom vCenter knows the session. */
  readonly user: string;
  /** How many privileges were asked for, each on each object counted. */
  readonly asked: number;
  readonly missing: readonly MissingPrivilege[];
  /** Objects that were to be asked about and are not there, e.g. `network VM Network`. */
  readonly absent: readonly string[];
}

export interface Access {
  /** Asks vCenter for every privilege that the places need. @throws `vcenter-unsupported` for a server that does not tell */
  examine(places: AccessPlaces, signal: AbortSignal): Promise<AccessFindings>;
}
