import { z } from 'zod';
import type { HostRecord } from '../../core/host.ts';
import { findHost } from '../../jobs/host/host-of.ts';
import { readAll } from '../../jobs/read-all.ts';
import { containerState } from './container-view.ts';
import { pageOf, pageQuery, pageRequest, renderPage } from './pages.ts';
import type { RestApp, RouteParts } from './parts.ts';
import { problemResponses } from './problems.ts';
import { type Verb, verbRoutes } from './verbs.ts';

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

const hostName = z.string().min(1).max(300).describe('Its name or its moref');
const oneHostView = hostView
  .extend({
    containers: z
      .array(z.object({ id: z.string(), name: z.string(), state: containerState }))
      .describe('Whose machines run on it, or ran on it last'),
  })
  .meta({ id: 'HostWithContainers' });

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
      params: z.object({ name: hostName }),
      querystring: z.strictObject({}),
      response: { 200: oneHostView, ...problemResponses },
    },
    handler: async (request) => {
      const host = await findHost(records, request.params.name);
      const all = await readAll({ records }, 'container');
      const containers = all
        .map(({ record }) => record)
        .filter(({ machine }) => machine?.host === host.ref)
        .map(({ name: id, called: name, state }) => ({ id, name, state }));
      return { ...viewHost(host), containers };
    },
  });
}

const one = (verb: string): Verb => ({
  method: 'POST',
  url: `/v1/hosts/:name/${verb}`,
  kind: `host.${verb}`,
  operationId: `${verb}Host`,
  member: 'host',
});

export function hostVerbRoutes(app: RestApp, parts: RouteParts): void {
  const verbs = ['drain', 'undrain'].map(one);
  verbRoutes(app, parts, { tag: 'hosts', noun: 'host', param: 'name', schema: hostName, verbs });
}

function viewHost({ type: _type, ...record }: HostRecord): z.infer<typeof hostView> {
  return record;
}
