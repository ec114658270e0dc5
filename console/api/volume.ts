import type { Flag } from '../ui/flag-view.tsx';

/** `GET /v1/volumes`. */
export interface Volume {
  readonly name: string;
  readonly state: string;
  readonly store: string;
  readonly capacityBytes: number;
  readonly capacity: string;
  readonly diskFormat: string;
  readonly access: string;
  readonly fileSystem: string;
  readonly cloneFrom?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly datastore: string | null;
  readonly home: string | null;
  readonly path: string | null;
  readonly diskUuid: string | null;
  readonly backing: 'block' | 'files' | null;
  readonly holders: readonly Holder[];
  readonly job?: string;
  readonly failure?: { readonly during: string; readonly message: string };
  readonly flag?: Flag;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Holder {
  readonly machine: string;
  readonly machineName: string;
  readonly access: string;
  readonly controllerKey?: number;
  readonly unit?: number;
  readonly job?: string;
}

/** `GET /v1/stores`. */
export interface Store {
  readonly name: string;
  readonly target: { readonly type: string; readonly name: string };
  readonly backing: string;
  readonly isUsable: boolean;
  readonly fault?: string;
  readonly capacity: string;
  readonly free: string;
}
