import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { StowageError } from '../../core/errors.ts';
import type { KeyStore, Role } from '../../core/ports/jobs.ts';
import type { Session } from '../../core/ports/sessions.ts';
import { hasRole } from '../../jobs/submit.ts';
import type { Secret } from '../../platform/secret.ts';
import type { Caller } from '../caller.ts';
import { checkCsrf, checkOrigin, checkOwnOrigin, isSafe } from './forgery.ts';
import type { RestApp, RestParts } from './parts.ts';
import { createSessionCookie } from './session-cookie.ts';

const BEARER = /^Bearer +([!-~]{1,512}) *$/i;
export const PRESET_KEY_NAME = 'preset';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    /** Of who is signed in; absent with a key. */
    session: Session | null;
  }
}

/** Every route but the public ones wants a key or a session whose role is at least the route's. It is asked for before a body is read. */
export function authenticate(app: RestApp, parts: RestParts): void {
  const identify = createIdentify(parts.keys, parts.presetKey);
  const findSession = createFindSession(parts, (token, preset) => parts.sessions.find(token, preset));
  app.decorateRequest('caller', null);
  app.decorateRequest('session', null);

  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new TypeError(`the route ${route.url} does not say who may call it`);
  });

  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const { access = 'admin', forgery = 'header' } = request.routeOptions.config;
    if (access === 'public') return;
    const { authorization } = request.headers;
    if (authorization !== undefined) {
      request.caller = await identify(authorization);
    } else {
      const session = await findSession(request);
      request.session = session;
      request.caller = { actor: session.actor, role: session.role };
      if (!isSafe(request)) refuseForged(request, { session, forgery, publicUrl: parts.web.publicUrl });
    }
    const { role } = callerOf(request);
    if (!hasRole(role, access)) {
      const whose = request.session === null ? 'your key has' : 'you have';
      throw new StowageError('role-insufficient', `this needs the role ${access}; ${whose} the role ${role}`);
    }
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new StowageError('credentials-missing', 'this needs a key or a session');
  return request.caller;
}

/** Whether the caller of a request that lasts may still have its route. It is no use of a session. */
export function createRecheck(parts: RestParts): (request: FastifyRequest) => Promise<boolean> {
  const identify = createIdentify(parts.keys, parts.presetKey);
  const findSession = createFindSession(parts, (token, preset) => parts.sessions.look(token, preset));
  return async (request) => {
    const { authorization } = request.headers;
    try {
      const { role } = authorization === undefined ? await findSession(request) : await identify(authorization);
      return hasRole(role, leastRole(request));
    } catch (error) {
      // Redis may be away: that says nothing of the caller.
      return !(error instanceof StowageError && error.kind === 'unauthenticated');
    }
  };
}

function leastRole(request: FastifyRequest): Role {
  const { access = 'admin' } = request.routeOptions.config;
  return access === 'public' ? 'viewer' : access;
}

type ReadSession = (token: string, presetKey: string | undefined) => Promise<Session | undefined>;

function createFindSession({ presetKey, web }: RestParts, read: ReadSession) {
  const cookie = createSessionCookie(web.publicUrl);
  return async (request: FastifyRequest): Promise<Session> => {
    const token = cookie.read(request);
    if (token === undefined)
      throw new StowageError('credentials-missing', 'the request has neither an Authorization header nor a session');
    const session = await read(token, presetKey?.reveal());
    if (session === undefined) throw new StowageError('session-over', 'the session was ended, or is too old');
    return session;
  };
}

function refuseForged(
  request: FastifyRequest,
  how: { readonly session: Session; readonly forgery: 'header' | 'origin'; readonly publicUrl: string | undefined },
): void {
  if (how.forgery === 'origin') {
    checkOwnOrigin(request, how.publicUrl);
    return;
  }
  checkOrigin(request, how.publicUrl);
  checkCsrf(request, how.session.csrf);
}

/** Who has this key. @throws `credentials-wrong` */
export type IdentifyKey = (key: string) => Promise<Caller & { readonly isPreset: boolean }>;

export function createIdentifyKey(keys: KeyStore, presetKey: Secret | undefined): IdentifyKey {
  const presetDigest = presetKey === undefined ? undefined : digestOf(presetKey.reveal());
  return async (key) => {
    // Digests have one length, so the comparison takes one time whatever was sent.
    if (presetDigest !== undefined && timingSafeEqual(presetDigest, digestOf(key))) {
      return { actor: actorOf(PRESET_KEY_NAME), role: 'admin', isPreset: true };
    }
    const entry = await keys.verify(key);
    if (entry === undefined) throw new StowageError('credentials-wrong', 'the key is unknown or was revoked');
    return { actor: actorOf(entry.name), role: entry.role, isPreset: false };
  };
}

function createIdentify(keys: KeyStore, presetKey: Secret | undefined) {
  const identifyKey = createIdentifyKey(keys, presetKey);
  return async (header: string): Promise<Caller> => {
    const key = BEARER.exec(header)?.[1];
    if (key === undefined)
      throw new StowageError('credentials-wrong', 'the Authorization header is not `Bearer <key>`');
    const { actor, role } = await identifyKey(key);
    return { actor, role };
  };
}

function actorOf(keyName: string): string {
  return `key:${keyName}`;
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
