import type { Role } from '../session/session.ts';

/** `GET /v1/keys`. */
export interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly lastUsedAt?: string;
}

/** What `POST /v1/keys` answers: the key itself, this once. */
export interface NewKey extends Key {
  readonly key: string;
}
