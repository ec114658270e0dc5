import type { Role } from '../core/ports/jobs.ts';

/** Who calls a face: what jobs, keys and logs name, and what it may do. */
export interface Caller {
  readonly actor: string;
  readonly role: Role;
}
