import { logFailure, logRequest } from '../request-log.ts';
import type { RestApp, RestParts } from './parts.ts';
import { errorOfThrown, pathOf } from './problems.ts';
import { routeOf } from './tracing.ts';

const QUIET_ROUTES: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
  '/console/*',
  '/docs/*',
  '/queues/static/*',
]);

/** One line a request (Fastify's own could hold headers and queries); of routes that carry a key's id only the pattern. */
export function logRequests(app: RestApp, parts: RestParts): void {
  app.addHook('onError', async (request, reply, thrown) => {
    const where = { trace: request.requestTrace, route: routeOf(request), status: reply.statusCode };
    logFailure(parts.logger, errorOfThrown(thrown), where);
  });

  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request);
    logRequest(parts.logger, {
      trace: request.requestTrace,
      method: request.method,
      path: route.startsWith('/v1/keys') ? route : pathOf(request),
      status: reply.statusCode,
      actor: request.caller?.actor,
      nowMs: parts.clock.monotonicMs(),
      isQuiet: QUIET_ROUTES.has(route),
    });
  });
}
