import { z } from 'zod';
import type { DeadGroup } from '../../core/ports/dead-letters.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['dead letters'];
const time = z.iso.datetime();

const groupView = z
  .object({
    fingerprint: z.string().describe('`error.fingerprint` of its jobs'),
    kind: z.string(),
    code: z.string(),
    step: z.string().optional().describe('At which they failed'),
    message: z.string().describe('Of the one that died last'),
    count: z.int(),
    firstSeenAt: time.describe('When one of them died first, since there was none; perhaps it is here no more'),
    lastSeenAt: time,
    oldestJob: z.string().describe('Of those that are here, the one that died first'),
    newestJob: z.string(),
  })
  .meta({ id: 'DeadGroup' });

const groupsQuery = z.strictObject({
  kind: z.string().min(1).max(100).optional(),
  code: z.string().min(1).max(100).optional().describe('Of the error'),
  since: time.optional().describe('Groups that were last seen then or later'),
  until: time.optional().describe('Groups that were first seen then or earlier'),
  ...pageQuery,
});

export function deadLetterRoutes(app: RestApp, parts: RouteParts): void {
  const { deadLetters } = parts;
  app.route({
    method: 'GET',
    url: '/v1/dead-letters/groups',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listDeadGroups',
      summary: 'Dead letters by the reason for which they failed, those seen last first',
      querystring: groupsQuery,
      response: { 200: pageOf(groupView).extend({ total: z.int().describe('Of all pages') }), ...problemResponses },
    },
    handler: async (request, reply) => {
      const { limit, cursor, ...asked } = request.query;
      const filter = given(asked);
      const page = await deadLetters.groups(filter, pageRequest({ limit, cursor }, filter));
      return { ...renderPage(reply, page, filter, (group: DeadGroup) => ({ ...group })), total: page.total };
    },
  });
}

type Given<T> = { readonly [Name in keyof T]?: Exclude<T[Name], undefined> };

/** Without the members that are undefined. */
export function given<T extends object>(members: T): Given<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}
