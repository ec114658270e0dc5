import type { Flag } from '../ui/flag-view.tsx';

/** `GET /v1/containers`. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Its id. */
  readonly image: string;
  readonly imageName: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: string;
  readonly mounts: readonly Mount[];
  readonly autoRemove: boolean;
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly restart: { readonly name: string; readonly maxRetries: number };
  readonly run: {
    readonly wanted: 'running' | 'stopped';
    readonly startedAt?: string;
    readonly finishedAt?: string;
    readonly exitCode?: number;
    readonly restarts: number;
  };
  readonly machine: Machine | null;
  readonly error?: string;
  /** The recovery that has it. */
  readonly recovery?: string;
  readonly job?: string;
  readonly flag?: Flag;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Mount {
  readonly volume: string;
  readonly destination: string;
  readonly access: string;
  readonly anonymous: boolean;
  readonly backing: string;
}

export interface Machine {
  readonly ref: string;
  readonly uuid: string;
  readonly vmxPath: string;
  /** The moref of the host on which it runs, or ran last. */
  readonly host?: string;
}
