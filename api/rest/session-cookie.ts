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

export interface SessionCookie {
  /** The token that the request has. */
  read(request: FastifyRequest): string | undefined;
  set(reply: FastifyReply, token: string): void;
  clear(reply: FastifyReply): void;
}

/** By TLS the cookie has the prefix by which browsers hold that no other host or plain connection can have set it. */
export function createSessionCookie(publicUrl: string | undefined): SessionCookie {
  const isSecure = (request: FastifyRequest): boolean => isByTls(request, publicUrl);
  const nameFor = (request: FastifyRequest): string => (isSecure(request) ? `__Host-${NAME}` : NAME);
  const options = (request: FastifyRequest) =>
    ({ httpOnly: true, sameSite: 'strict', path: '/', secure: isSecure(request) }) as const;
  return {
    read(request) {
      const token = request.server.parseCookie(request.headers.cookie ?? '')[nameFor(request)];
      return token !== undefined && TOKEN.test(token) ? token : undefined;
    },
    set(reply, token) {
      void reply.setCookie(nameFor(reply.request), token, { ...options(reply.request), maxAge: MAX_AGE_S });
    },
    clear(reply) {
      void reply.clearCookie(nameFor(reply.request), options(reply.request));
    },
  };
}

export function isByTls(request: FastifyRequest, publicUrl: string | undefined): boolean {
  return request.protocol === 'https' || (publicUrl?.startsWith('https:') ?? false);
}
