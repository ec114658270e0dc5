/** `GET /v1/audit`: what somebody did, or tried to. */
export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly role?: string;
  /** The operation, as in the OpenAPI document. */
  readonly action: string;
  readonly target?: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly status: number;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly traceId?: string;
  readonly address?: string;
}
