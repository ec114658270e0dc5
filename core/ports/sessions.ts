import type { Role } from './jobs.ts';

/**
 * Whom a session is of. `key`: it ends when the key is revoked, and has the role that the key has at the moment. `preset`: it ends when
 * the configuration sets another key. `oidc`: the role is what the claim said at the sign-in.
 */
export type SessionOrigin =
  | { readonly type: 'key' | 'preset'; readonly key: string }
  | { readonly type: 'oidc'; readonly issuer: string; readonly subject: string };

export interface NewSession {
  readonly actor: string;
  readonly role: Role;
  readonly origin: SessionOrigin;
}

export interface Session {
  readonly actor: string;
  readonly role: Role;
  /** What an unsafe request must repeat in a header, which no foreign page can. */
  readonly csrf: string;
  /** When it ends unless it is used before; never later than its longest life. */
  readonly expiresAt: string;
}

/** Who is signed in, shared by all api processes. Of a token only the SHA-256 is kept. Every method rejects with `redis-unavailable`. */
export interface SessionStore {
  /** The whole token, given out this once. */
  begin(session: NewSession): Promise<{ readonly token: string; readonly session: Session }>;
  /**
   * The session, whose idle time begins anew; undefined when it is unknown, ended or expired, or its key is not one any more.
   * @param presetKey the key that the configuration sets now
   */
  find(token: string, presetKey: string | undefined): Promise<Session | undefined>;
  /** The same, and no use of it: its idle time goes on. */
  look(token: string, presetKey: string | undefined): Promise<Session | undefined>;
  /** Safe to repeat. */
  end(token: string): Promise<void>;
}

/** Failed sign-ins by address. */
export interface SignInAttempts {
  /** Counts an attempt as failed before it is known, so that many at once are no way around. @throws `too-many-attempts` */
  begin(address: string): Promise<void>;
  /** It did not fail. */
  takeBack(address: string): Promise<void>;
}
