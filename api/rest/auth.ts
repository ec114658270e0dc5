import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { StowageError } from '../../core/errors.ts';
import type { KeyStore } from '../../core/ports/jobs.ts';
import { hasRole } from '../../jobs/submit.ts';
import type { Secret } from '../../platform/secret.ts';
import type { Caller } from '../caller.ts';
import type { RestApp, RestParts } from './parts.ts';

const BEARER = /^Bearer +([!-~]{1,512}) *$/i;
export const PRESET_KEY_NAME = 'preset';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** Every route but the public ones wants a key whose role is at least the route's. It is asked for before a body is read. */
export function authenticate(app: RestApp, parts: RestParts): void {
  const identify = createIdentify(parts.keys, parts.presetKey);
  app.decorateRequest('caller', null);

  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) throw new TypeError(`the route ${route.url} does not say who may call it`);
  });

  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    const access = request.routeOptions.config.access ?? 'admin';
    if (access === 'public') return;
    const caller = await identify(request.headers.authorization);
    request.caller = caller;
    if (!hasRole(caller.role, access)) {
      throw new StowageError(
        'role-insufficient',
        `this needs the role ${access}; your key has the role ${caller.role}`,
      );
    }
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new StowageError('credentials-missing', 'this needs a key');
  return request.caller;
}

function createIdentify(keys: KeyStore, presetKey: Secret | undefined) {
  const presetDigest = presetKey === undefined ? undefined : digestOf(presetKey.reveal());
  return async (header: string | undefined): Promise<Caller> => {
    if (header === undefined) throw new StowageError('credentials-missing', 'the request has no Authorization header');
    const key = BEARER.exec(header)?.[1];
    if (key === undefined)
      throw new StowageError('credentials-wrong', 'the Authorization header is not `Bearer <key>`');
    // Digests have one length, so the comparison takes one time whatever was sent.
    if (presetDigest !== undefined && timingSafeEqual(presetDigest, digestOf(key))) {
      return { actor: actorOf(PRESET_KEY_NAME), role: 'admin' };
    }
    const entry = await keys.verify(key);
    if (entry === undefined) throw new StowageError('credentials-wrong', 'the key is unknown or was revoked');
    return { actor: actorOf(entry.name), role: entry.role };
  };
}

function actorOf(keyName: string): string {
  return `key:${keyName}`;
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
