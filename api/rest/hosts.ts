import { z } from 'zod';
import { StowageError } from '../../core/errors.ts';
import type { HostRecord } from '../../core/host.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';

const tags = ['hosts'];
const hostView = z
  .object({
    name: z.string(),
    ref: z.string(),
    connection: z.enum(['connected', 'disconnected', 'not-responding']),
    inMaintenance: z.boolean(),
    poweredOn: z.boolean(),
    cluster: z.string().optional(),
    cpuMhz: z.number(),
    cpuCores: z.int().optional(),
    memoryBytes: z.number(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Host' });

export function hostRoutes(app: RestApp, { records }: RouteParts): void {
  app.route({
    method: 'GET',
    url: '/v1/hosts',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'listHosts',
      summary: 'List ESXi hosts, as the watcher saw them',
      querystring: z.strictObject(pageQuery),
      response: { 200: pageOf(hostView), ...problemResponses },
    },
    handler: async (request, reply) => {
      const filter = { type: 'host' };
      const page = await records.list('host', pageRequest(request.query, filter));
      return renderPage(reply, page, filter, ({ record }) => viewHost(record));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/hosts/:name',
    config: { access: 'viewer' },
    schema: {
      tags,
      operationId: 'readHost',
      summary: 'Read a host',
      params: z.object({ name: z.string().min(1).max(300) }),
      querystring: z.strictObject({}),
      response: { 200: hostView, ...problemResponses },
    },
    handler: async (request) => {
      const { name } = request.params;
      const found = await records.read('host', name);
      if (found === undefined) throw new StowageError('host-not-found', `there is no host ${name}`);
      return viewHost(found.record);
    },
  });
}

function viewHost({ type: _type, ...record }: HostRecord): z.infer<typeof hostView> {
  return record;
}
