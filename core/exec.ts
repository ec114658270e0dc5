import type { ContainerId } from './ids.ts';

/** Another command that was asked for in a running container: Docker's exec. */
export interface ExecRecord {
  /** 64 hexadecimal digits, as Docker's. */
  readonly id: string;
  readonly container: ContainerId;
  /** `run.startedAt` of the run that it belongs to: it does not outlive it. */
  readonly run: string;
  readonly argv: readonly string[];
  /** Beside the container's own. */
  readonly env: readonly string[];
  /** Empty: the container's. */
  readonly user: string;
  readonly workingDir: string;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  /** As the client wrote them; empty: the usual ones. */
  readonly detachKeys: string;
  readonly terminal?: TerminalSize;
}

export interface TerminalSize {
  readonly rows: number;
  readonly cols: number;
}

/** How far it is. */
export type ExecProgress =
  | { readonly state: 'created' }
  | { readonly state: 'running'; readonly pid?: number }
  | { readonly state: 'over'; readonly exitCode: number; readonly pid?: number };

export interface Exec {
  readonly record: ExecRecord;
  readonly progress: ExecProgress;
}
