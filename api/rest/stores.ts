import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { StoreRecord } from '../../core/host.ts';
import { formatSize } from '../../core/size.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['stores'];
const storeView = z
  .object({
    name: z.string(),
    target: z.object({ type: z.enum(['datastore', 'pod']), name: z.string() }),
    root: z.string(),
    backing: z.enum(['block', 'files']),
    isUsable: z.boolean(),
    fault: z.string().optional().describe('Why it cannot be used'),
    capacityBytes: z.number(),
    freeBytes: z.number(),
    capacity: z.string(),
    free: z.string(),
    datastores: z.array(
      z.object({
        name: z.string(),
        ref: z.string(),
        kind: z.string(),
        capacityBytes: z.number(),
        freeBytes: z.number(),
        accessible: z.boolean(),
      }),
    ),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Store' });

export function storeRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/stores',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listStores',
      summary: 'List volume stores with their space, as the watcher saw them',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(storeView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { type: 'store' };
      const page = await records.list('store', pageRequest(request.query, filter));
      return renderPage(reply, page, filter, ({ record }) => viewStore(record));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/stores/:name',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readStore',
      summary: 'Read a volume store',
      params: z.object({ name: z.string().min(1).max(100) }),
      querystring: z.strictObject({}),
      response: { 200: storeView, ...problemResponses },
    },
    handler: async (request) => {
      const { name } = request.params;
      const found = await records.read('store', name);
      if (found === undefined) throw new StowageError('store-not-found', `there is no volume store ${name}`);
      return viewStore(found.record);
    },
  });
}

function viewStore(record: StoreRecord): z.infer<typeof storeView> {
  const { type: _type, datastores, ...rest } = record;
  return {
    ...rest,
    isUsable: record.fault === undefined,
    capacity: formatSize(record.capacityBytes),
    free: formatSize(record.freeBytes),
    datastores: [...datastores],
  };
}
