import type { Exec, ExecRecord } from '../exec.ts';

/**
 * Execs of all containers, shared by all api processes. One that is not begun, or is over, is kept for an hour; one that runs for an hour
 * after whoever has it said so last. Every method rejects with `redis-unavailable` when Redis does not answer.
 */
export interface Execs {
  create(record: ExecRecord): Promise<void>;
  read(id: string): Promise<Exec | undefined>;
  /** From created to running; false: it was begun already, or is not known. */
  begin(id: string): Promise<boolean>;
  /** It still runs. */
  keep(id: string, pid: number | undefined): Promise<void>;
  /** It is over; safe to repeat. */
  end(id: string, exitCode: number): Promise<void>;
}
