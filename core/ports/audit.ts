import type { JsonObject } from '../job.ts';
import type { Page, PageRequest, Role } from './jobs.ts';

/** done: it was accepted. refused: the caller may not, or the request or the state did not allow it. failed: Stowage could not. */
export const AUDIT_OUTCOMES = ['done', 'refused', 'failed'] as const;
export type AuditOutcome = (typeof AUDIT_OUTCOMES)[number];

/** What somebody did, or tried. Nothing secret is ever in it. */
export interface NewAuditEntry {
  readonly at: string;
  readonly actor: string;
  readonly role?: Role;
  /** The operation's id in the OpenAPI document. */
  readonly action: string;
  /** What it was done to, `<noun>:<name>`. */
  readonly target?: string;
  readonly outcome: AuditOutcome;
  /** Of HTTP. */
  readonly status: number;
  readonly detail?: JsonObject;
  readonly traceId?: string;
  /** From which it came. */
  readonly address?: string;
}

export interface AuditEntry extends NewAuditEntry {
  readonly id: string;
}

export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly sinceMs?: number;
  /** Inclusive. */
  readonly untilMs?: number;
}

/** Who did what, beside the jobs, which tell their actors themselves. The newest 100,000 are kept. */
export interface AuditLog {
  /** @throws `redis-unavailable` */
  add(entry: NewAuditEntry): Promise<void>;
  /** Newest first. A page may be short, even empty, and not be the last. */
  list(filter: AuditFilter, page: PageRequest): Promise<Page<AuditEntry>>;
}
