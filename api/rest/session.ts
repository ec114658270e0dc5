import { isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Session } from '../../core/ports/sessions.ts';
import { createIdentifyKey } from './auth.ts';
import { checkOrigin } from './forgery.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { createSessionCookie } from './session-cookie.ts';

const tags = ['sessions'];
export const OIDC_START = '/auth/oidc/start';
const sessionView = z
  .object({
    actor: z.string(),
    role: z.enum(['viewer', 'operator', 'admin']),
    csrf: z.string().describe('For the header `x-stowage-csrf` of every request that changes something'),
    expiresAt: z.iso.datetime().describe('When it ends unless it is used before'),
    traceUrl: z.string().optional().describe('Where traces are to be seen; `{traceId}` stands for the id'),
    version: z.string(),
  })
  .meta({ id: 'Session' });
const methodsView = z
  .object({
    methods: z.object({
      key: z.literal(true),
      oidc: z.object({ name: z.string(), url: z.string() }).optional().describe('Lead the browser to `url`'),
    }),
  })
  .meta({ id: 'SignIn' });
const keyBody = z.strictObject({ key: z.string().min(1).max(512) });

export function sessionRoutes(app: RestApp, parts: RouteParts): void {
  const cookie = createSessionCookie(parts.web.publicUrl);
  const identifyKey = createIdentifyKey(parts.keys, parts.presetKey);
  const render = (session: Session) => ({
    ...session,
    ...(parts.web.traceUrl === undefined ? {} : { traceUrl: parts.web.traceUrl }),
    version: parts.version,
  });

  app.route({
    method: 'GET',
    url: '/v1/sign-in',
    config: { access: 'public' },
    schema: {
      tags,
      operationId: 'readSignIn',
      summary: 'The ways to sign in',
      querystring: z.strictObject({}),
      response: { 200: methodsView, ...problemResponses },
    },
    handler: async () => ({
      methods: {
        key: true as const,
        ...(parts.oidc === undefined ? {} : { oidc: { name: parts.oidc.name, url: OIDC_START } }),
      },
    }),
  });

  app.route({
    method: 'POST',
    url: '/v1/session',
    config: { access: 'public' },
    schema: {
      tags,
      operationId: 'signIn',
      summary: 'Begin a session with an API key: the answer sets its cookie',
      querystring: z.strictObject({}),
      body: keyBody,
      response: { 200: sessionView, ...problemResponses },
    },
    handler: async (request, reply) => {
      // Otherwise a foreign page could sign people in as somebody else, and see what they do there.
      checkOrigin(request, parts.web.publicUrl);
      const { key } = request.body;
      const address = limitedAddress(request);
      await parts.attempts.begin(address);
      const { isPreset, ...caller } = await identifyKey(key).catch(async (error: unknown) => {
        // Only a wrong key counts: not that Redis did not answer.
        if (!isErrorCode(error, 'credentials-wrong')) await parts.attempts.takeBack(address).catch(() => undefined);
        throw error;
      });
      await parts.attempts.takeBack(address);
      const origin = { type: isPreset ? ('preset' as const) : ('key' as const), key };
      const { token, session } = await parts.sessions.begin({ ...caller, origin });
      const replaced = cookie.read(request);
      if (replaced !== undefined) await parts.sessions.end(replaced);
      request.caller = caller;
      cookie.set(reply, token);
      reply.header('cache-control', 'no-store');
      return render(session);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/session',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readSession',
      summary: 'Who is signed in',
      querystring: z.strictObject({}),
      response: { 200: sessionView, ...problemResponses },
    },
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return render(sessionOf(request));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/session',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'signOut',
      summary: 'End the session',
      querystring: z.strictObject({}),
      response: { 204: { description: 'It is ended' }, ...problemResponses },
    },
    handler: async (request, reply) => {
      sessionOf(request);
      const token = cookie.read(request);
      if (token !== undefined) await parts.sessions.end(token);
      cookie.clear(reply);
      return await reply.code(204).send();
    },
  });
}

/** A key that is sent with each request has no session. */
function sessionOf(request: FastifyRequest): Session {
  if (request.session === null)
    throw new StowageError('credentials-missing', 'the request comes with a key, not with a session');
  return request.session;
}

/** What failed attempts are counted by. Who has one address of IPv6 mostly has all of its /64. */
function limitedAddress({ ip }: FastifyRequest): string {
  if (!isIPv6(ip) || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail] = ip.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4).join(':');
}
