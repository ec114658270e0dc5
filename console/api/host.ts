/** `GET /v1/hosts`. */
export interface Host {
  readonly name: string;
  readonly ref: string;
  readonly connection: string;
  readonly inMaintenance: boolean;
  readonly poweredOn: boolean;
  readonly cluster?: string;
  readonly cpuMhz: number;
  readonly cpuCores?: number;
  readonly memoryBytes: number;
  readonly updatedAt: string;
}

export interface HostWithContainers extends Host {
  readonly containers: readonly { readonly id: string; readonly name: string; readonly state: string }[];
}
