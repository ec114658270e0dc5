import { z } from 'zod';
import { AUDIT_OUTCOMES } from '../../core/ports/audit.ts';
import { moment, msOf, pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const AUDIT_ID = /^\d{1,15}-\d{1,15}$/;

const auditView = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    actor: z.string().describe('`anonymous`: nobody had signed in yet'),
    role: z.enum(['viewer', 'operator', 'admin']).optional(),
    action: z.string().describe('The operation'),
    target: z.string().optional().describe('`job:<id>`, `webhook:<id>` and so on'),
    outcome: z.enum(AUDIT_OUTCOMES),
    status: z.int().describe('Of the answer'),
    detail: z.record(z.string(), z.unknown()).optional().describe('What was asked for, without secrets'),
    traceId: z.string().optional(),
    address: z.string().optional(),
  })
  .meta({ id: 'AuditEntry' });

export function auditRoutes(app: RestApp, { audit }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/audit',
    config: { access: 'admin' },
    schema: {
      tags: ['audit'],
      operationId: 'listAudit',
      summary: 'Who did what, or tried to, newest first; what jobs do is told by the jobs',
      querystring: z.strictObject({
        actor: z.string().min(1).max(200).optional(),
        action: z.string().min(1).max(100).optional(),
        since: moment.optional(),
        until: moment.optional(),
        ...pageQuery,
      }),
      response: { 200: pageOf(auditView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, actor, action, since, until } = request.query;
      const filter = {
        ...(actor === undefined ? {} : { actor }),
        ...(action === undefined ? {} : { action }),
        ...(since === undefined ? {} : { sinceMs: msOf(since) }),
        ...(until === undefined ? {} : { untilMs: msOf(until) }),
      };
      const page = await audit.list(filter, pageRequest({ limit, cursor }, { of: 'audit', ...filter }, AUDIT_ID));
      return renderPage(reply, page, { of: 'audit', ...filter }, (entry) => entry);
    },
  });
}
