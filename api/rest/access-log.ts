import type { RestApp, RestParts } from './parts.ts';
import { errorOfThrown, pathOf } from './problems.ts';
import { routeOf } from './tracing.ts';

const QUIET_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * One line a request. It is the only place that logs requests: no header and no query goes into it (Fastify's own lines could hold
 * both), and of routes that carry a key's id only the pattern.
 */
export function logRequests(app: RestApp, parts: RestParts): void {
  app.addHook('onError', async (request, reply, thrown) => {
    const error = errorOfThrown(thrown);
    if (error.kind !== 'internal' && error.kind !== 'unavailable') return;
    const line = { trace_id: request.requestTrace?.traceId, route: routeOf(request), code: error.code };
    if (error.kind === 'internal') parts.logger.error({ ...line, err: error }, 'a request failed');
    else
      parts.logger.warn({ ...line, reason: error.message, status: reply.statusCode }, 'a request could not be served');
  });

  app.addHook('onResponse', async (request, reply) => {
    const route = routeOf(request);
    const startedMs = request.requestTrace?.startedMs;
    const line = {
      trace_id: request.requestTrace?.traceId,
      method: request.method,
      path: route.startsWith('/v1/keys') ? route : pathOf(request),
      status: reply.statusCode,
      durationMs: startedMs === undefined ? undefined : Math.round(parts.clock.monotonicMs() - startedMs),
      actor: request.caller?.actor,
    };
    if (QUIET_ROUTES.has(route)) parts.logger.debug(line, 'request');
    else parts.logger.info(line, 'request');
  });
}
