import { computed, signal } from '@preact/signals';

export type Role = 'viewer' | 'operator' | 'admin';

/** `GET /v1/session`. */
export interface SessionView {
  readonly actor: string;
  readonly role: Role;
  /** Goes with every unsafe request. */
  readonly csrf: string;
  readonly expiresAt: string;
  /** Where a trace is shown; `{traceId}` stands for its id. */
  readonly traceUrl?: string;
  readonly version?: string;
}

/** unknown: nobody has asked yet. unreachable: the api did not answer, which says nothing of the session. */
export type SessionState =
  | { readonly status: 'unknown' }
  | { readonly status: 'unreachable'; readonly message: string }
  | { readonly status: 'signed-out'; readonly hasExpired: boolean }
  | { readonly status: 'signed-in'; readonly view: SessionView };

export const session = signal<SessionState>({ status: 'unknown' });

export const sessionView = computed(() => (session.value.status === 'signed-in' ? session.value.view : undefined));

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(needed: Role): boolean {
  const view = sessionView.value;
  return view !== undefined && RANK[view.role] >= RANK[needed];
}

/** A request was refused for want of a session: one that was there is over. */
export function noteSignedOut(): void {
  const { status } = session.peek();
  // Of several requests under way, the first one tells.
  if (status === 'signed-out') return;
  session.value = { status: 'signed-out', hasExpired: status === 'signed-in' };
}
