import { noteSignedOut, session, sessionView, type SessionView } from '../session/session.ts';
import { problemOfResponse, problemOfThrown } from './problem.ts';

// The only door to the api: same origin, by the session cookie. Every failure is thrown as a Problem.

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Sending {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly body: T;
  readonly headers: Headers;
  readonly status: number;
}

/** A page of a listing. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request<T>('GET', path, signal === undefined ? {} : { signal })).body;
}

/** @throws Problem; an abort is thrown as it is, for whoever aborted. */
export async function request<T>(method: Method, path: string, sending: Sending = {}): Promise<Answer<T>> {
  const response = await fetchOf(method, path, sending);
  if (!response.ok) {
    if (response.status === 401 && path !== '/v1/session') noteSignedOut();
    const problem = await problemOfResponse(response);
    if (problem.code === 'csrf-wrong' && (await hasRenewedSession())) return await request(method, path, sending);
    throw problem;
  }
  const text = response.status === 204 ? '' : await response.text();
  return {
    body: (text === '' ? undefined : JSON.parse(text)) as T,
    headers: response.headers,
    status: response.status,
  };
}

/** Somebody has signed in anew in another tab: the cookie is another one, and this page goes on with it. */
async function hasRenewedSession(): Promise<boolean> {
  const known = sessionView.peek()?.csrf;
  const view = await get<SessionView>('/v1/session');
  session.value = { status: 'signed-in', view };
  return view.csrf !== known;
}

async function fetchOf(method: Method, path: string, { body, headers, signal }: Sending): Promise<Response> {
  const csrf = method === 'GET' ? undefined : sessionView.peek()?.csrf;
  try {
    return await fetch(path, {
      method,
      credentials: 'same-origin',
      redirect: 'error',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(csrf === undefined ? {} : { 'x-stowage-csrf': csrf }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw problemOfThrown(error);
  }
}

/** A path with a query of those parameters that have a value. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | undefined>>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** For `Idempotency-Key`: one for each time that a person means it. (`randomUUID` is only for pages by https.) */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
