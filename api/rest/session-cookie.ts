import cookie from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RestApp } from './parts.ts';

const NAME = 'stowage_session';
const TOKEN = /^[\w-]{43}$/;
/** As long as a session can last; the server decides. */
const MAX_AGE_S = 7 * 24 * 3_600;

/** Cookies are read only where they are asked for: who sends a key is never looked at by its cookies. */
export function readCookies(app: RestApp): void {
  void app.register(cookie, { hook: false });
}

/** A cookie of a host, by TLS with the prefix by which browsers hold that no other host or plain connection can have set it. */
export interface HostCookie {
  read(request: FastifyRequest): string | undefined;
  set(reply: FastifyReply, value: string): void;
  clear(reply: FastifyReply): void;
}

export function createHostCookie(
  name: string,
  how: { readonly sameSite: 'strict' | 'lax'; readonly maxAge: number; readonly publicUrl: string | undefined },
): HostCookie {
  const isSecure = ({ protocol }: FastifyRequest): boolean =>
    protocol === 'https' || (how.publicUrl?.startsWith('https:') ?? false);
  const nameFor = (request: FastifyRequest): string => (isSecure(request) ? `__Host-${name}` : name);
  const options = (request: FastifyRequest) =>
    ({ httpOnly: true, sameSite: how.sameSite, path: '/', secure: isSecure(request) }) as const;
  return {
    read: (request) => request.server.parseCookie(request.headers.cookie ?? '')[nameFor(request)],
    set(reply, value) {
      void reply.setCookie(nameFor(reply.request), value, { ...options(reply.request), maxAge: how.maxAge });
    },
    clear(reply) {
      void reply.clearCookie(nameFor(reply.request), options(reply.request));
    },
  };
}

export function createSessionCookie(publicUrl: string | undefined): HostCookie {
  const cookie = createHostCookie(NAME, { sameSite: 'strict', maxAge: MAX_AGE_S, publicUrl });
  return {
    ...cookie,
    read(request) {
      const token = cookie.read(request);
      return token !== undefined && TOKEN.test(token) ? token : undefined;
    },
  };
}
