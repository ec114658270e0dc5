import { get, request, withQuery } from '../api/client.ts';
import { Problem } from '../api/problem.ts';
import { type SessionView, session } from './session.ts';

/** `GET /v1/sign-in`. */
export interface SignInMethods {
  readonly methods: {
    readonly key: boolean;
    readonly oidc?: { readonly name: string; readonly url: string };
  };
}

/** Asks whether this browser has a session. Never throws. */
export async function resumeSession(): Promise<void> {
  try {
    session.value = { status: 'signed-in', view: await get<SessionView>('/v1/session') };
  } catch (error) {
    if (error instanceof Problem && error.document.status === 401)
      session.value = { status: 'signed-out', hasExpired: false };
    else session.value = { status: 'unreachable', message: error instanceof Error ? error.message : String(error) };
  }
}

/** @throws Problem */
export async function signInWithKey(key: string): Promise<void> {
  const { body } = await request<SessionView>('POST', '/v1/session', { body: { key } });
  session.value = { status: 'signed-in', view: body };
}

/** The page is gone while the provider asks who it is; it leads back to where one was. */
export function signInWithOidc(url: string): void {
  location.assign(withQuery(url, { return: location.pathname + location.search }));
}

/** @throws Problem when the session goes on because the api did not answer */
export async function signOut(): Promise<void> {
  try {
    await request('DELETE', '/v1/session');
  } catch (error) {
    if (!(error instanceof Problem) || error.document.status !== 401) throw error;
  }
  session.value = { status: 'signed-out', hasExpired: false };
}
