import type { FastifyReply } from 'fastify';
import { adviceOf, StowageError, statusOf } from '../../core/errors.ts';
import type { RestApp, RouteParts } from '../rest/parts.ts';
import { errorOfThrown, sendProblem } from '../rest/problems.ts';
import { OIDC_START } from '../rest/session.ts';
import { createHostCookie, createSessionCookie } from '../rest/session-cookie.ts';
import { protectPage } from './headers.ts';
import { CALLBACK, type OidcProvider, TICKET_MS } from './oidc-provider.ts';
import { asText, plainPage, sendPage } from './plain-page.ts';
import { PAGE_ROUTE } from './serving.ts';
import { z } from 'zod';

const HOME = '/console/';
const query = z.object({ return: z.string().optional().catch(undefined) });

/** The two steps of a sign-in by a provider. People see them as pages, so errors are pages too. */
export function oidcPages(app: RestApp, parts: RouteParts & { readonly oidc: OidcProvider }): void {
  const { oidc, sessions, web, logger } = parts;
  const session = createSessionCookie(web.publicUrl);
  // The provider's page leads back here, so `strict` would keep the cookie away.
  const ticket = createHostCookie('stowage_sign_in', {
    sameSite: 'lax',
    maxAge: TICKET_MS / 1_000,
    publicUrl: web.publicUrl,
  });
  const route = { method: 'GET', exposeHeadRoute: false, ...PAGE_ROUTE } as const;

  app.setErrorHandler(async (thrown, request, reply): Promise<FastifyReply> => {
    const error = errorOfThrown(thrown);
    const reason = error.cause instanceof Error ? reasonOf(error.cause) : undefined;
    const line = { trace_id: request.requestTrace?.traceId, code: error.code, message: error.message, reason };
    logger.warn(line, 'a sign-in failed');
    if (!(request.headers.accept ?? '').includes('text/html')) return sendProblem(reply, error, request.requestTrace);
    return await sendErrorPage(reply, error);
  });

  app.route({
    ...route,
    url: OIDC_START,
    handler: async (request, reply) => {
      const { url, ticket: text } = await oidc.begin(pageOf(query.parse(request.query).return));
      ticket.set(reply, text);
      return await reply.header('cache-control', 'no-store').redirect(url);
    },
  });

  app.route({
    ...route,
    // It changes nothing but who somebody is here, which is what an audit is about.
    config: { access: 'public', audit: 'always' },
    schema: { hide: true, operationId: 'signInByOidc' },
    url: CALLBACK,
    handler: async (request, reply) => {
      const text = ticket.read(request);
      if (text === undefined)
        throw new StowageError('sign-in-expired', 'this browser has not begun a sign-in, or has forgotten it');
      ticket.clear(reply);
      const { person, returnTo } = await oidc.finish(request.url.split('?')[1] ?? '', text);
      const caller = { actor: `oidc:${person.name}`, role: person.role };
      const origin = { type: 'oidc', issuer: person.issuer, subject: person.subject } as const;
      const begun = await sessions.begin({ ...caller, origin });
      request.caller = caller;
      session.set(reply, begun.token);
      logger.info({ actor: caller.actor, role: caller.role, subject: person.subject }, 'signed in by OpenID Connect');
      return await reply.header('cache-control', 'no-store').redirect(returnTo);
    },
  });
}

/** Only a page of the console: anything else would let a link to us lead elsewhere. */
function pageOf(asked: string | undefined): string {
  const isPage = asked !== undefined && /^\/console\/[\w\-.~%/?=&:]*$/.test(asked) && !asked.includes('..');
  return isPage ? asked : HOME;
}

function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function sendErrorPage(reply: FastifyReply, error: StowageError): Promise<FastifyReply> {
  protectPage(reply);
  const { code, message } = error.facts;
  const detail = code === 'internal-error' ? 'Stowage failed; its log says why.' : message;
  const page = plainPage('The sign-in failed', [
    asText(`${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`),
    asText(adviceOf(code)),
    `<a href="${HOME}">Back to the sign-in</a>`,
  ]);
  const { retryAfterMs } = error.details;
  if (retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(retryAfterMs / 1_000)));
  return await sendPage(reply.code(statusOf(code)), page);
}
