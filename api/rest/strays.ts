import { z } from 'zod';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const strayView = z
  .object({
    path: z.string(),
    store: z.string(),
    reason: z.string(),
    passes: z.int().describe('In how many passes of reconcile it was seen, one after another'),
    since: z.iso.datetime(),
  })
  .meta({ id: 'Stray', description: 'Something in the folder of a store that Stowage did not make, or cannot read' });

export function strayRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/strays',
    config: { access: 'viewer' },
    schema: {
      tags: ['stores'],
      operationId: 'listStrays',
      summary: 'List what lies in the folders of stores and is not ours; nothing of it is ever deleted',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(strayView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { type: 'stray' };
      const page = await records.list('stray', pageRequest(request.query, filter));
      return renderPage(reply, page, filter, ({ record: { name, store, flag } }) => ({ path: name, store, ...flag }));
    },
  });
}
